package console

import (
	"bufio"
	"context"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/base"
)

func TestATitleIsForTerminalsThatHaveOne(t *testing.T) {
	for term, want := range map[string]bool{
		"xterm": true, "xterm-256color": true, "tmux-256color": true, "screen": true, "vte-256color": true,
		"alacritty": true, "foot": true, "rxvt-unicode-256color": true,
		"": false, "dumb": false, "linux": false, "linux-16color": false, "vt100": false, "vt220": false, "ansi": false,
		"eterm-color": false, "cons25": false,
	} {
		if got := hasTitle(term); got != want {
			t.Errorf("%q has a title: %t, want %t", term, got, want)
		}
	}
}

// onTerminal gives all that a terminal receives while do has the console of it.
func onTerminal(t *testing.T, term string, do func(c *Console, screen *bufio.Reader)) string {
	t.Helper()
	t.Setenv("TERM", term)
	t.Setenv("NO_COLOR", "1")
	f, screen := terminal(t)
	c := New(f, []string{"web"}, false)
	c.now = func() time.Time { return noon }
	do(c, screen)
	const end = "that was all"
	if _, err := io.WriteString(f, end); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for !strings.HasSuffix(all.String(), end) {
		b, err := screen.ReadByte()
		if err != nil {
			t.Fatalf("%q, then %v", all.String(), err)
		}
		all.WriteByte(b)
	}
	return strings.TrimSuffix(all.String(), end)
}

// order is how a title is set on a terminal.
func order(words string) string { return anew + "\x1b]2;jarloop: " + words + "\x1b\\" }

func TestTheTitleIsSavedKeptTrueAndGivenBack(t *testing.T) {
	state, asked := "all 1 live", 0
	got := onTerminal(t, "xterm-256color", func(c *Console, screen *bufio.Reader) {
		giveBack := c.TakeTitle()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		answers := make(chan string)
		go func() {
			defer close(ended)
			c.KeepTitle(ctx, func() string { asked++; return <-answers })
		}()
		answers <- state
		for _, step := range []struct {
			tell  func(*Console)
			state string
		}{
			{func(c *Console) { c.Event(deployer.Event{Kind: deployer.Deploying, Service: "web"}) }, "web deploying"},
			{fails(deployer.Failed, "web-2"), "web failed"},
			{func(c *Console) { c.Changed("web", "a.jar") }, "web failed"},
			{func(c *Console) { c.Say("the title stays") }, "web failed"},
			{wentLive("web"), "all 1 live\x1b]2;forged\a\x1b[2J\n"},
		} {
			step.tell(c)
			answers <- step.state
		}
		cancel()
		<-ended
		giveBack()
	})
	if asked != 6 {
		t.Errorf("the state was asked for %d times, for 6 reasons", asked)
	}
	var titles strings.Builder
	for line := range strings.SplitAfterSeq(got, "\n") {
		if i := strings.LastIndex(line, anew+"12:00:00"); i >= 0 {
			titles.WriteString(line[:i])
		} else {
			titles.WriteString(line)
		}
	}
	want := anew + saveTitle + order("starting") + order("all 1 live") + order("web deploying") + order("web failed") +
		order("all 1 live]2;forged[2J ") + order("stopped") + anew + restoreTitle
	if titles.String() != want {
		t.Errorf("got  %q\nwant %q", titles.String(), want)
	}
}

func TestTheTitleTellsOfABaseBeforeTheServices(t *testing.T) {
	got := onTerminal(t, "xterm", func(c *Console, _ *bufio.Reader) {
		defer c.TakeTitle()()
		c.Progress(base.Progress{Doing: "building", Base: "service-base", Step: "unpack"})
	})
	if !strings.Contains(got, order("building service-base")) {
		t.Errorf("got %q", got)
	}
}

// titled is what sets, saves or restores a title.
var titled = regexp.MustCompile(`\x1b(\]|\[[0-9;]*t)`)

func TestTheTitleIsLeftAlone(t *testing.T) {
	keeps := func(c *Console) {
		defer c.TakeTitle()()
		c.KeepTitle(context.Background(), func() string { panic("nobody reads it") })
		c.Event(deployer.Event{Kind: deployer.Deploying, Service: "web"})
		c.Progress(base.Progress{Doing: "building", Base: "service-base", Step: "unpack"})
	}
	for name, term := range map[string]string{"on the kernel's console": "linux", "on a dumb one": "dumb", "on one without a name": ""} {
		t.Run(name, func(t *testing.T) {
			if got := onTerminal(t, term, func(c *Console, _ *bufio.Reader) { keeps(c) }); titled.MatchString(got) {
				t.Errorf("got %q", got)
			}
		})
	}
	t.Run("where it is not wanted", func(t *testing.T) {
		if got := onTerminal(t, "xterm", func(c *Console, _ *bufio.Reader) { c.Untitled(); keeps(c) }); titled.MatchString(got) {
			t.Errorf("got %q", got)
		}
	})
	t.Run("where a program reads", func(t *testing.T) {
		t.Setenv("TERM", "xterm")
		theirs, ours, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer theirs.Close()
		keeps(New(ours, []string{"web"}, false))
		ours.Close()
		if got, err := io.ReadAll(theirs); err != nil || titled.Match(got) {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestWhatIsTypedMeanwhileIsWrittenOver(t *testing.T) {
	got := onTerminal(t, "xterm", func(c *Console, _ *bufio.Reader) { c.Say("stopped") })
	if want := anew + "12:00:00          jarloop  stopped\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
