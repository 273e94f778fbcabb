package printed

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jarloop/jarloop/deployer/logs"
)

// lookEvery is how often new lines and new generations are looked for.
const lookEvery = 200 * time.Millisecond

// Follow is Print, and goes on with what comes until ctx ends: of the
// generations that are there, also of those that drain, and of new ones from
// their first line on. One whose output is not kept any more is read to its
// end. What could not be read is in the error when ctx has ended.
func (r *Reader) Follow(ctx context.Context) error {
	files, err := r.files()
	if err != nil {
		return err
	}
	start := map[string]int64{} // by path
	for _, f := range inOrder(files) {
		// What could not be read will be tried again.
		start[f.Path], _ = r.read(ctx, f, false)
	}
	tails := tails{reader: r, by: map[string]*tail{}}
	for ctx.Err() == nil {
		files, err := r.files()
		if err != nil {
			return errors.Join(err, tails.end())
		}
		tails.follow(ctx, files, start)
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
		}
	}
	return tails.end()
}

// tails are the files that are being followed. One goroutine uses it.
type tails struct {
	reader *Reader
	by     map[string]*tail // by path
	errs   []error
}

// tail is one file that is being followed.
type tail struct {
	stop context.CancelFunc
	done sync.WaitGroup
	err  error // read when done
}

// follow begins with files that are new, from where start says, else from their
// beginning, and ends with those that are gone.
func (t *tails) follow(ctx context.Context, services [][]file, start map[string]int64) {
	there := map[string]bool{}
	for _, files := range services {
		for _, f := range files {
			there[f.Path] = true
			if t.by[f.Path] == nil {
				t.begin(ctx, f, start[f.Path])
			}
		}
	}
	for path := range t.by {
		if !there[path] {
			t.finish(path)
			delete(start, path) // another may come by that name
		}
	}
}

func (t *tails) begin(ctx context.Context, f file, offset int64) {
	ctx, cancel := context.WithCancel(ctx)
	one := &tail{stop: cancel}
	t.by[f.Path] = one
	one.done.Go(func() {
		_, err := logs.Follow(ctx, f.open, offset, logs.Options{Poll: lookEvery}, func(l logs.Line) { t.reader.give(f, l) })
		one.err = f.wrong(err)
	})
}

func (t *tails) finish(path string) {
	one := t.by[path]
	delete(t.by, path)
	one.stop()
	one.done.Wait()
	t.errs = append(t.errs, one.err)
}

// end ends all, and gives what went wrong.
func (t *tails) end() error {
	for path := range t.by {
		t.finish(path)
	}
	return errors.Join(t.errs...)
}
