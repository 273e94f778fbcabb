//go:build cgo

package lxc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// killed is what is done with data while somebody is killed at it.
type killed struct {
	*testing.T
	dir     string // of all that is below
	keeper  string
	archive string
	e       *Engine
	s       *store
}

// data and copy are what there is of each, "" for none.
func (k *killed) data() string { return k.holds(k.s.live()) }
func (k *killed) copy() string { return k.holds(k.s.saved()) }

func (k *killed) holds(dir string) string {
	if !there(dir) {
		return ""
	}
	return listed(k.T, filepath.Join(dir, "data"))
}

// begin makes the data what they are at the beginning.
func (k *killed) begin() {
	k.Helper()
	kept := filepath.Dir(k.s.dir)
	must(k.T, errors.Join(os.RemoveAll(kept), copyTo(k.Context(), kept+".begin", kept)))
}

// runs runs the keeper, which is to die at a moment, and gives the acts it has come past.
func (k *killed) runs(act, moment string) (acts []string, dead bool) {
	k.Helper()
	crashes := filepath.Join(k.dir, "crashes")
	must(k.T, errors.Join(os.RemoveAll(crashes), os.Mkdir(crashes, 0o700)))
	writeFile(k.T, filepath.Join(crashes, "at"), moment)
	cmd := exec.Command(k.keeper, k.e.Path, child[0], act, k.archive)
	cmd.Env = append(os.Environ(), "JARLOOP_CRASH="+crashes)
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return nil, true
	}
	if err != nil {
		k.Fatalf("%s: %v: %s", act, err, out)
	}
	text, err := os.ReadFile(filepath.Join(crashes, "passed"))
	must(k.T, err)
	for line := range strings.Lines(string(text)) {
		number, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		ms, name, _ := strings.Cut(rest, " ")
		acts = append(acts, "before "+number+" 0 "+name, "in "+number+" "+half(ms)+" "+name, "after "+number+" 0 "+name)
	}
	return acts, false
}

func half(ms string) string {
	var n float64
	_, _ = fmt.Sscan(ms, &n)
	return fmt.Sprint(n / 2)
}

// TestKilledAnywhereWithData has somebody be killed at each moment of each act with
// data. The next one finds what was, or what was to be.
func TestKilledAnywhereWithData(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("owners of files need root")
	}
	dir, err := os.MkdirTemp("/dev/shm", "jlt-lxc-") // where sync is quick
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	k := &killed{T: t, dir: dir, keeper: filepath.Join(dir, "keeper"), archive: filepath.Join(dir, "archive")}
	if out, err := exec.Command("go", "build", "-tags", "crashpoints", "-o", k.keeper, "./testdata/keeper").CombinedOutput(); err != nil {
		t.Fatalf("build the keeper: %v: %s", err, out)
	}
	path := filepath.Join(dir, "lxc")
	mkdir(t, path)
	k.e, k.s = newData(t, path)
	fillWithAll(t, filepath.Join(k.s.live(), "data"))
	before := k.data()
	must(t, k.e.SaveData(t.Context(), "trial"))
	spoil(t, filepath.Join(k.s.live(), "data"))
	spoiled := k.data()
	archive, err := os.Create(k.archive)
	must(t, err)
	must(t, k.e.ExportData(t.Context(), "trial", archive))
	must(t, errors.Join(archive.Close(), copyTo(t.Context(), filepath.Dir(k.s.dir), filepath.Dir(k.s.dir)+".begin")))

	for act, c := range map[string]struct {
		data, copies []string // what there may be
		repeated     string   // the data when it is done again; "": none
	}{
		"save":    {[]string{spoiled}, []string{before, spoiled}, spoiled},
		"drop":    {[]string{spoiled}, []string{before, ""}, spoiled},
		"restore": {nil, []string{before, ""}, before},
		"export":  {[]string{spoiled}, []string{before}, spoiled},
		"import":  {[]string{before, spoiled}, []string{before, ""}, spoiled},
		"remove":  {[]string{spoiled, ""}, []string{before, ""}, ""},
	} {
		t.Run(act, func(t *testing.T) {
			k.T = t
			k.begin()
			moments, _ := k.runs(act, "nowhere")
			if len(moments) < 3 {
				t.Fatalf("there are but the moments %q", moments)
			}
			deaths := 0
			for _, moment := range moments {
				k.begin()
				if _, dead := k.runs(act, moment); !dead {
					continue // it was quicker this time
				}
				deaths++
				// What it had begun ends with it, but not at the same instant.
				eventually(t, "what was cut off is swept away", func() bool {
					must(t, k.e.disk.sweepData())
					return !strings.Contains(strings.Join(entries(k.s.dir), " "), asidePrefix)
				})
				if got := k.data(); c.data != nil && !slices.Contains(c.data, got) {
					t.Errorf("%s: the data are\n%s", moment, got)
				}
				if got := k.copy(); !slices.Contains(c.copies, got) {
					t.Errorf("%s: the copy is\n%s", moment, got)
				}
				k.runs(act, "nowhere")
				if got := k.data(); got != c.repeated {
					t.Errorf("%s, and again: the data are\n%s", moment, got)
				}
			}
			if deaths < len(moments)*2/3 {
				t.Errorf("it was killed %d times at %d moments", deaths, len(moments))
			}
			t.Logf("killed %d times", deaths)
		})
	}
}
