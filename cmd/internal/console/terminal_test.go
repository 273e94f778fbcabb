package console

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/cmd/internal/pty"
)

// terminal gives both ends of a new terminal: what a program writes on the one
// is read from the other (pts(4)).
func terminal(t *testing.T) (program *os.File, screen *bufio.Reader) {
	t.Helper()
	master, program, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	t.Cleanup(func() { program.Close() })
	if err := master.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return program, bufio.NewReader(master)
}

func TestATerminalIsReadByAPerson(t *testing.T) {
	coloured, uncoloured := "\x1b[36mfrontend\x1b[0m changed  a.jar\r\n", "frontend changed  a.jar\r\n"
	for _, c := range []struct{ name, noColor, term, want string }{
		{"in colour", "", "xterm-256color", coloured},
		{"in colour, whatever the terminal is called", "", "", coloured},
		{"in none where NO_COLOR is set", "1", "xterm-256color", uncoloured},
		{"in none where NO_COLOR is set to anything", "0", "xterm-256color", uncoloured},
		{"in none where the terminal is dumb", "", "dumb", uncoloured},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("NO_COLOR", c.noColor)
			t.Setenv("TERM", c.term)
			f, screen := terminal(t)
			console := New(f, []string{"frontend"}, false)
			console.now = func() time.Time { return noon }
			console.Changed("frontend", "a.jar")
			got, err := screen.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			clock := "12:00:00 "
			if c.want == coloured {
				clock = "\x1b[2m12:00:00\x1b[0m "
			}
			home := anew
			if c.term == "dumb" {
				home = ""
			}
			if want := home + clock + c.want; got != want {
				t.Errorf("the screen shows %q, want %q", got, want)
			}
		})
	}
}

func TestWhatIsNoTerminalIsReadByAProgram(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm-256color")
	theirs, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	defer ours.Close()
	before := time.Now().Truncate(time.Second)
	New(ours, []string{"frontend"}, false).Changed("frontend", "a.jar")
	after := time.Now()
	got, err := bufio.NewReader(theirs).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	for at := before; !at.After(after); at = at.Add(time.Second) {
		if got == fmt.Sprintf(`{"level":"info","service":"frontend","files":"a.jar","time":%q,"message":"changed"}`+"\n", at.Format(time.RFC3339)) {
			return
		}
	}
	t.Errorf("the pipe carries %q between %s and %s", got, before, after)
}

func TestATerminalThatIsGoneStopsNobody(t *testing.T) {
	for name, r := range map[string]reader{"a person's": plainReader, "a program's": program} {
		t.Run(name, func(t *testing.T) {
			theirs, ours, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			theirs.Close()
			defer ours.Close()
			c := r.console(ours, nil, time.Now)
			c.Say("nobody hears this")
			if _, err := ours.WriteString("nor this"); err == nil {
				t.Error("somebody still reads: this test tests nothing")
			}
		})
	}
}

func TestSize(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0 B", 1: "1 B", 999: "999 B",
		1000: "1.0 kB", 1049: "1.0 kB", 9949: "9.9 kB", 9950: "10 kB", 12_345: "12 kB",
		999_499: "999 kB", 999_500: "1.0 MB", 519_000_000: "519 MB", 1_073_741_824: "1.1 GB",
		2_500_000_000_000: "2.5 TB", 7_000_000_000_000_000: "7000 TB",
	} {
		if got := Size(bytes); got != want {
			t.Errorf("%d bytes are %s, want %s", bytes, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	for id, want := range map[string]string{"": "", "3fa2": "3fa2", "3fa2c1d0": "3fa2c1d0", "3fa2c1d0e": "3fa2c1d0"} {
		if got := Short(id); got != want {
			t.Errorf("%q is %q in short, want %q", id, got, want)
		}
	}
}

func TestATerminalSaysHowWideItIs(t *testing.T) {
	f, _ := terminal(t)
	for _, columns := range []uint16{0, 97} {
		if err := unix.IoctlSetWinsize(int(f.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
			t.Fatal(err)
		}
		if got := Columns(f); got != int(columns) {
			t.Errorf("%d columns, want %d", got, columns)
		}
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got := Columns(file); got != 0 {
		t.Errorf("a file has %d columns", got)
	}
}
