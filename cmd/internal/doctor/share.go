package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/watcher"
)

func bases(ctx context.Context, m *Machine) []Finding {
	running, err := m.Probe.Containers(ctx)
	if err != nil {
		return []Finding{{Check: "bases", State: Failed, Found: err.Error(), Remedy: "lxc-ls -P " + m.Config.LXC.Path}}
	}
	var findings []Finding
	for _, b := range m.Config.Bases {
		f := Finding{Check: "base " + b.Name, State: OK}
		container, there, err := m.Probe.Base(ctx, b)
		switch {
		case err != nil:
			f.State, f.Found = Failed, err.Error()
			if what, remedy, ok := strings.Cut(f.Found, ": printf"); ok {
				f.Found, f.Remedy = what, "printf"+remedy
			}
		case !there && b.Exists():
			f.State = Failed
			f.Found = fmt.Sprintf("there is no container %s in %s", container, m.Config.LXC.Path)
			f.Remedy = fmt.Sprintf("sudo lxc-create -P %s -n %s -t …, or give the base a distribution", m.Config.LXC.Path, container)
		case !there:
			f = notBuilt(b)
		case running[container] != 0:
			f.State = Failed
			f.Found = fmt.Sprintf("%s runs, and a base must be stopped", container)
			f.Remedy = fmt.Sprintf("sudo lxc-stop -P %s -n %s", m.Config.LXC.Path, container)
		default:
			f.Found = container + " is there and stopped"
		}
		findings = append(findings, f)
	}
	return findings
}

// notBuilt says what builds a base that is not there yet.
func notBuilt(b config.Base) Finding {
	f := Finding{Check: "base " + b.Name, State: Warning, Found: "not built yet: run builds it", Remedy: "sudo jarloop provision " + b.Name}
	tool := map[bool]string{true: "mmdebstrap", false: "lxc-create"}[b.Distribution != ""]
	if _, err := exec.LookPath(tool); err != nil {
		f.State, f.Found = Failed, "not built yet, and "+tool+" is not installed, which builds it"
		f.Remedy = "sudo apt-get install " + map[string]string{"mmdebstrap": "mmdebstrap", "lxc-create": "lxc"}[tool]
	}
	return f
}

// oldBases names what recipes have left that were changed.
func oldBases(ctx context.Context, m *Machine) []Finding {
	f := Finding{Check: "old bases", State: OK, Found: "none that the configuration does not ask for"}
	names, err := m.Probe.LeftOver(ctx)
	switch {
	case err != nil:
		f.State, f.Found = Warning, err.Error()
	case len(names) > 0:
		f.State = Warning
		f.Found = "the configuration no longer asks for " + strings.Join(names, ", ") + ", and no clone rests on it"
		f.Remedy = "sudo jarloop base remove " + strings.Join(names, " ")
	}
	return []Finding{f}
}

func share(_ context.Context, m *Machine) []Finding {
	f := Finding{Check: "share", State: OK}
	mode, why, err := m.Probe.Share()
	switch {
	case err != nil:
		f.State, f.Found = Warning, err.Error()
		f.Remedy = "mount it, or sudo mkdir -p " + m.Config.Watch.Dir
	case mode == watcher.Poll && m.Config.Watch.Mode == config.ModeInotify:
		f.State, f.Found = Failed, why+`, but watch.mode = "inotify": no build would be seen`
		f.Remedy = `mode = "auto" below [watch]`
	case mode == watcher.Poll:
		f.Found = why + ": it is polled"
	case m.Config.Watch.Mode == config.ModePoll:
		f.Found = why + `, but watch.mode = "poll": it is polled`
	default:
		f.Found = why
	}
	return []Finding{f}
}

const (
	mostFiles = 20_000          // that are looked at for the newest
	lookTime  = 2 * time.Second // for all of them: a share may not answer
	skew      = 2 * time.Second // between clocks that are in step, and what a filesystem rounds
)

// clock looks for files of the future: then the other side's clock is ahead.
// One that is behind does not show without writing, and harms nothing.
func clock(ctx context.Context, m *Machine) []Finding {
	f := Finding{Check: "clock", State: OK}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	type answer struct {
		name string
		at   time.Time
	}
	answers := make(chan answer, 1) // so that a late answer ends its goroutine
	go func() {
		name, at := newest(ctx, m.Config.Watch.Dir)
		answers <- answer{name, at}
	}()
	select {
	case a := <-answers:
		ahead := time.Until(a.at)
		switch {
		case a.at.IsZero():
			f.Found = "no file in the share to compare with"
		case ahead > skew:
			f.State = Warning
			f.Found = fmt.Sprintf("%s is from the future: the clock that made it is %s ahead, or this one behind", a.name, ahead.Round(time.Second))
			f.Remedy = "sudo systemctl restart systemd-timesyncd; date"
		default:
			f.Found = "no file in the share is from the future"
		}
	case <-ctx.Done():
		f.State, f.Found = Warning, m.Config.Watch.Dir+" does not answer"
		f.Remedy = "mount it again"
	}
	return []Finding{f}
}

// newest gives the file below a folder that was modified last.
func newest(ctx context.Context, folder string) (name string, at time.Time) {
	files := 0
	// What cannot be read is passed over: this is about times.
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if files++; files > mostFiles || ctx.Err() != nil {
			return fs.SkipAll
		}
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil && info.ModTime().After(at) {
			name, at = path, info.ModTime()
		}
		return nil
	})
	return name, at
}
