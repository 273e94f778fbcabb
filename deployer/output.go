package deployer

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/logs"
)

// followOutput brings what the generation prints to Output, from where it is
// now, and keeps it bounded. The function that it gives ends that when the
// last line has been read.
func (d *Deployer) followOutput(s Service, g *Generation) (finish func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var followers sync.WaitGroup
	out := filepath.Join(g.reports, outFile)
	start := int64(0)
	if info, err := os.Lstat(out); err == nil {
		start = info.Size() // an earlier agent has shown it
	}
	followers.Go(func() {
		look, end := d.notices.of(out)
		defer end()
		d.follow(ctx, s, g, "", start, logs.Options{Keep: d.KeepLogs, Look: look}, func() (*os.File, error) { return logs.Open(out) }, func(logs.Line) {})
	})
	if len(s.Logs) > 0 {
		followers.Go(func() { d.followFiles(ctx, s, g, &followers) })
	}
	return func() {
		cancel()
		followers.Wait()
	}
}

func (d *Deployer) follow(ctx context.Context, s Service, g *Generation, file string, start int64, options logs.Options,
	open func() (*os.File, error), also func(logs.Line)) {
	_, err := logs.Follow(ctx, open, start, options, func(l logs.Line) {
		also(l)
		if !guest.IsJVMNote(l.Text) && d.Output != nil {
			d.Output(Line{Service: s.Name, Generation: g.Name(), File: file, Text: l.Text})
		}
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.warn(s.Name, "output of "+g.Name()+" cannot be followed", err)
	}
}

// lookEvery is how often new files that match the logs of a service are
// looked for.
const lookEvery = time.Second

// followFiles follows the files inside that the service writes beside its
// output, and keeps copies of them with it, since they go with the container.
func (d *Deployer) followFiles(ctx context.Context, s Service, g *Generation, followers *sync.WaitGroup) {
	known := map[string]bool{}
	for {
		for _, pattern := range s.Logs {
			var names []string
			err := d.wiring.root(g, func(r Root) (err error) {
				names, err = r.Glob(pattern)
				return err
			})
			if err != nil {
				continue // the folder may still come
			}
			for _, name := range names {
				if known[name] {
					continue
				}
				known[name] = true
				followers.Go(func() { d.followFile(ctx, s, g, name) })
			}
		}
		if pause(ctx, lookEvery) != nil {
			return
		}
	}
}

// followFile follows one file inside, and keeps a copy of it on the host, in a
// folder that the guest cannot reach.
func (d *Deployer) followFile(ctx context.Context, s Service, g *Generation, name string) {
	folder := filepath.Join(filepath.Dir(g.reports), filesFolder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		d.warn(s.Name, "no copy of "+name, err)
		return
	}
	kept, err := os.OpenFile(filepath.Join(folder, url.PathEscape(name)), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		d.warn(s.Name, "no copy of "+name, err)
		return
	}
	defer kept.Close()
	written, inode := int64(0), uint64(0)
	open := func() (f *os.File, err error) {
		err = d.wiring.root(g, func(r Root) (err error) {
			f, err = r.Open(name)
			return err
		})
		if err == nil {
			inode = inodeOfOpen(f)
		}
		return f, err
	}
	start := readReached(kept, open)
	d.follow(ctx, s, g, path.Base(name), start, logs.Options{Poll: lookOften}, open, func(l logs.Line) {
		n, _ := kept.WriteString(l.Text + "\n") // a full disk stops no service
		reached{inode, l.Offset}.write(kept)
		if written += int64(n); written > d.KeepLogs {
			written = 0
			_ = logs.Bound(kept, d.KeepLogs) // best effort, as above
		}
	})
}

func (d *Deployer) pruneLogs(service string) {
	inUse := map[string]bool{}
	folders, _ := filepath.Glob(d.Machine.Folder(service + "-*")) // the pattern is well-formed
	for _, folder := range folders {
		if s, n, ok := parseName(filepath.Base(folder)); ok && s == service {
			inUse[strconv.Itoa(n)] = true
		}
	}
	if err := logs.Prune(filepath.Join(d.Logs, service), d.KeepGenerations, inUse); err != nil {
		d.warn(service, "old logs not removed", err)
	}
}

// mostWords is how many lines lastWords looks at: a JVM's trace has up to 1024
// frames (java(1), -XX:MaxJavaStackTraceDepth), and there are causes.
const mostWords = 2000

// lastWords gives what the generation printed last, a stack trace whole.
func (g *Generation) lastWords() []string {
	last, _ := logs.Tail(filepath.Join(g.reports, outFile), mostWords) // none is an answer too
	return logs.Trace(last)
}
