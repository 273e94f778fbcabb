package incus_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// forKills skips a test that is not among the others: see make kill in the Makefile.
func forKills(t *testing.T) {
	t.Helper()
	if os.Getenv("JARLOOP_KILL") == "" || os.Getenv(kept) != "" {
		t.Skip("takes minutes, with the machine to itself: make kill")
	}
}

// crashing is a desk whose agent can be told where to die (package crash).
type crashing struct {
	*desk
	folder string
	agent  *exec.Cmd
	ended  chan struct{}
	saved  int
}

func newCrashing(t *testing.T) *crashing {
	t.Helper()
	c := &crashing{desk: newDesk(t, runsPair), folder: t.TempDir()}
	program, err := buildCrashing()
	if err != nil {
		t.Fatal(err)
	}
	c.program = program
	t.Setenv("JARLOOP_CRASH", c.folder)
	c.arm("nowhere")
	return c
}

// arm says where to die from now on, once.
func (c *crashing) arm(moment string) {
	c.t.Helper()
	at := filepath.Join(c.folder, "at")
	if err := os.WriteFile(at+".new", []byte(moment), 0o600); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(at+".new", at); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crashing) begin() {
	c.agent, c.ended = c.run(), make(chan struct{})
	go func(agent *exec.Cmd, ended chan struct{}) {
		defer close(ended)
		_, _ = agent.Process.Wait()
	}(c.agent, c.ended)
}

// next saves another version of front.
func (c *crashing) next() {
	c.t.Helper()
	c.saved++
	c.save("front", fmt.Sprintf("front %d", c.saved))
}

func (c *crashing) serves() string { return fmt.Sprintf("front %d, back 1", c.saved) }

// settles waits until what was saved last serves, and nothing is left beside what is live
// and the standbys.
func (c *crashing) settles() {
	c.t.Helper()
	c.await(c.serves())
	c.until("nothing is left but what is live and its standbys", func() bool { return c.whole() == "" })
}

// whole says what there is that should not be, or is not that should.
func (c *crashing) whole() string {
	ctx := c.t.Context()
	all, err := c.client.Instances(ctx)
	if err != nil {
		return err.Error()
	}
	found := map[string]int{}
	for _, i := range all {
		name, ours := strings.CutPrefix(i.Name, c.owner+"-")
		if !ours {
			continue
		}
		if i.Config["user.jarloop.state"] != "whole" || i.Status != "Running" {
			return i.Name + " is half of one, or does not run"
		}
		record, err := base64.StdEncoding.DecodeString(i.Config["user.jarloop.record"])
		if err != nil {
			return err.Error()
		}
		g, err := deployer.ParseRecord(name, record)
		if err != nil {
			return err.Error()
		}
		found[fmt.Sprintf("%s of %s", g.Phase, g.Service)]++
	}
	if want := map[string]int{"live of back": 1, "standby of back": 1, "live of front": 1, "standby of front": 1}; !maps.Equal(found, want) {
		return fmt.Sprintf("there are %v", found)
	}
	volumes, err := c.client.Volumes(ctx, "fast")
	left := func(v api.Volume) bool { return strings.HasPrefix(v.Name, c.owner+"-") && v.Name != c.owner+"-shared" } // which stays until clean
	if slices.ContainsFunc(volumes, left) || err != nil {
		return fmt.Sprintf("there are the volumes %v, %v", volumes, err)
	}
	return ""
}

// onlyWaits are acts that wait or look, and change nothing.
var onlyWaits = regexp.MustCompile(`^(step (read|wait for needs)|repair .*)$`)

// acts are those that end while something is done, each once, with half of the time that
// they take, in milliseconds.
func (c *crashing) acts(do func()) (names []string, half map[string]float64) {
	c.t.Helper()
	passed := filepath.Join(c.folder, "passed")
	_ = os.Remove(passed)
	do()
	f, err := os.Open(passed)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	half = map[string]float64{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var number int
		var ms float64
		if _, err := fmt.Sscanf(lines.Text(), "%d %f", &number, &ms); err != nil {
			c.t.Fatalf("%q: %v", lines.Text(), err)
		}
		name := strings.SplitN(lines.Text(), " ", 3)[2]
		if _, known := half[name]; !known && !onlyWaits.MatchString(name) {
			names, half[name] = append(names, name), ms/2
		}
	}
	return names, half
}

// dies waits for the death that was armed, which comes at most so late after its act; it is
// false where all was done without it.
func (c *crashing) dies(late time.Duration) bool {
	c.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		select {
		case <-c.ended:
			return true
		default:
		}
		if got, err := c.ask(c.t.Context(), "front"); err == nil && got == c.serves() && c.whole() == "" {
			c.arm("nowhere")
			select { // of the last act the death may be under way
			case <-c.ended:
				return true
			case <-time.After(late):
				return false
			}
		}
		if deployer.Pause(c.t.Context(), 50*time.Millisecond) != nil || time.Now().After(deadline) {
			c.t.Fatal("it neither dies nor deploys")
		}
	}
}

// TestKilledAnywhereInADeployOnACluster kills the agent at each act of a deploy until the old
// container is gone and the next standby is there, in turn before, in and after it, under
// load.
func TestKilledAnywhereInADeployOnACluster(t *testing.T) {
	forKills(t)
	c := newCrashing(t)
	c.save("back", "back 1")
	c.next()
	c.begin()
	c.settles()
	images := c.images()
	names, half := c.acts(func() {
		c.next()
		c.settles()
	})
	load := c.load()
	killed, missed := 0, []string{}
	for n, name := range names {
		moment := []string{"before 1 0 " + name, fmt.Sprintf("in 1 %f %s", half[name], name), "after 1 0 " + name}[n%3]
		c.arm(moment)
		c.next()
		if !c.dies(time.Second + time.Duration(half[name]*float64(time.Millisecond))) {
			missed = append(missed, moment)
			continue
		}
		c.arm("nowhere")
		began := time.Now()
		c.begin()
		c.settles()
		killed++
		t.Logf("%d: killed %s, all is well after %s", killed, moment, time.Since(began).Round(100*time.Millisecond))
	}
	load.stop(t)
	t.Logf("killed %d times; these moments did not come again: %q", killed, missed)
	if killed < 8 || len(missed) > killed/3 {
		t.Errorf("killed %d times alone, and %d moments were missed", killed, len(missed))
	}
	if now := c.images(); now != images {
		t.Errorf("images are left: there were %s, and are %s", images, now)
	}
	c.end()
}

// end ends the agent, and looks what is left.
func (c *crashing) end() {
	c.t.Helper()
	if err := c.agent.Process.Signal(syscall.SIGINT); err != nil {
		c.t.Fatal(err)
	}
	<-c.ended
	c.cleans()
}

// images are those of the cluster, whoever has them.
func (c *crashing) images() string {
	c.t.Helper()
	out, err := lab("in", "m1", "sh", "-c", "incus image list -f csv -c f; incus profile list -f csv | cut -d, -f1")
	if err != nil {
		c.t.Fatalf("list images: %v: %s", err, out)
	}
	return out
}
