package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/watcher"
)

// The program's own folders are made with these modes.
const (
	StateMode fs.FileMode = 0o700
	RunMode   fs.FileMode = 0o750
)

func folders(_ context.Context, m *Machine) []Finding {
	var findings []Finding
	for _, own := range []struct {
		folder string
		mode   fs.FileMode
	}{{m.Config.State, StateMode}, {m.Config.Run, RunMode}} {
		f := Finding{Check: "folder " + own.folder, State: OK, Found: "root's alone to write in"}
		switch err := watcher.Ours(own.folder); {
		case errors.Is(err, fs.ErrNotExist):
			f.State, f.Found = Warning, "not there yet: run makes it"
			f.Remedy = fmt.Sprintf("sudo install -d -m %o %s", own.mode, own.folder)
			f.fixing = "made it"
			f.fix = func(context.Context) error { return os.MkdirAll(own.folder, own.mode) }
		case err != nil:
			f.State, f.Found = Failed, err.Error()
			if what, remedy, ok := strings.Cut(f.Found, ": ch"); ok {
				f.Found, f.Remedy = what, "sudo ch"+remedy
			}
		}
		findings = append(findings, f)
	}
	return findings
}

// Below the first a base cannot be built, or a JAR or two no longer be kept;
// below the second it will come to that. A minimal Debian with a JRE is half a
// gigabyte in 15,000 files.
const (
	fewBytes, someBytes   = 256 << 20, 2 << 30
	fewInodes, someInodes = 5_000, 50_000
)

func space(_ context.Context, m *Machine) []Finding {
	var findings []Finding
	folders := []string{m.Config.LXC.Path, m.Config.State}
	if m.Config.Incus() {
		folders = folders[1:]
	}
	for _, folder := range folders {
		f := Finding{Check: "space " + folder, State: OK}
		s, err := m.Probe.Space(nearest(folder))
		if err != nil {
			f.State, f.Found = Failed, err.Error()
			findings = append(findings, f)
			continue
		}
		f.Found = console.Size(s.Bytes) + " free"
		if s.Inodes > 0 {
			f.Found += fmt.Sprintf(", %d inodes", s.Free)
		}
		switch {
		case s.Bytes < fewBytes || s.Inodes > 0 && s.Free < fewInodes:
			f.State = Failed
		case s.Bytes < someBytes || s.Inodes > 0 && s.Free < someInodes:
			f.State = Warning
		}
		if f.State != OK {
			f.Found += ": too little for long"
			f.Remedy = fmt.Sprintf("see what uses it: sudo du -xh --max-depth=2 %s | sort -h | tail", nearest(folder))
		}
		findings = append(findings, f)
	}
	return findings
}

// data says how a copy of the data of services is made.
func data(_ context.Context, m *Machine) []Finding {
	if !slices.ContainsFunc(m.Config.Services, func(s config.Service) bool { return len(s.Data) > 0 }) {
		return nil
	}
	f := Finding{Check: "data " + m.Config.LXC.Path, State: OK}
	switch shares, err := m.Probe.Shares(nearest(m.Config.LXC.Path)); {
	case err != nil:
		f.State, f.Found = Warning, "how they can be copied is not known: "+err.Error()
	case shares:
		f.Found = "a copy shares what is the same, and takes neither time nor space (reflink)"
	default:
		f.Found = fmt.Sprintf("copied byte by byte, up to lxc.data_copy_limit = %s: on btrfs or xfs a copy would take neither time nor space",
			m.Config.LXC.DataCopyLimit)
	}
	return []Finding{f}
}

// nearest gives the folder, or the first above it that is there.
func nearest(folder string) string {
	for folder != "/" {
		if _, err := os.Stat(folder); err == nil {
			break
		}
		folder = filepath.Dir(folder)
	}
	return folder
}

// limits of inotify, which is counted by user, and root inside a privileged
// container is root. A booted Debian 12 has four instances (counted), and of
// each service there are up to three generations at a time.
func limits(services int) []limit {
	return []limit{
		{"fs.inotify.max_user_instances", 32 + 3*4*services, 512},
		{"fs.inotify.max_user_watches", 8192, 524288},
	}
}

type limit struct {
	name      string
	few, good int
}

func inotify(_ context.Context, m *Machine) []Finding {
	var findings []Finding
	for _, limit := range limits(len(m.Config.Services)) {
		f := Finding{Check: strings.TrimPrefix(limit.name, "fs."), State: OK}
		value := strings.TrimSpace(m.read("/proc/sys/" + strings.ReplaceAll(limit.name, ".", "/")))
		number, err := strconv.Atoi(value)
		switch f.Found = value; {
		case err != nil:
			f.State, f.Found = Warning, "cannot be read: this kernel may have no inotify, and jarloop polls then"
		case number < limit.few:
			f.State = Warning
			f.Found = limit.name + " is " + value + ", which guests and the watcher share: too few for these services"
			f = m.setSysctl(f, limit.name, strconv.Itoa(max(limit.good, 2*limit.few)))
		}
		findings = append(findings, f)
	}
	return findings
}
