package printed

import (
	"context"
	"errors"
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
	t := tails{lines: make(chan line), ended: make(chan end), stop: map[string]context.CancelFunc{}, start: start}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for files, err = r.files(); err == nil && ctx.Err() == nil; files, err = r.files() {
		t.follow(ctx, files)
		for next := false; !next; {
			select {
			case l := <-t.lines:
				r.give(l)
			case e := <-t.ended:
				t.forget(e)
			case <-look.C:
				next = true
			case <-ctx.Done():
				next = true
			}
		}
	}
	t.follow(ctx, nil)
	for len(t.stop) > 0 {
		select {
		case l := <-t.lines:
			r.give(l)
		case e := <-t.ended:
			t.forget(e)
		}
	}
	return errors.Join(append(t.errs, err)...)
}

// tails are the files that are being followed, each by a goroutine of its own
// that sends what it finds. The goroutine of Follow owns all else.
type tails struct {
	lines chan line
	ended chan end
	stop  map[string]context.CancelFunc // by path, of each that has not ended
	start map[string]int64              // by path: where the first one begins
	errs  []error
}

// line is a line of a file, end the end of following one.
type (
	line struct {
		file
		logs.Line
	}
	end struct {
		path string
		err  error
	}
)

// follow begins with files that are new, from where start says, else from their
// beginning, and ends with those that are gone.
func (t *tails) follow(ctx context.Context, services [][]file) {
	there := map[string]bool{}
	for _, files := range services {
		for _, f := range files {
			there[f.Path] = true
			if t.stop[f.Path] == nil {
				t.begin(ctx, f, t.start[f.Path])
			}
		}
	}
	for path, stop := range t.stop {
		if !there[path] {
			stop()
			delete(t.start, path) // another may come by that name
		}
	}
}

func (t *tails) begin(ctx context.Context, f file, offset int64) {
	ctx, t.stop[f.Path] = context.WithCancel(ctx)
	go func() {
		_, err := logs.Follow(ctx, f.open, offset, logs.Options{Poll: lookEvery}, func(l logs.Line) { t.lines <- line{f, l} })
		t.ended <- end{f.Path, f.wrong(err)}
	}()
}

func (t *tails) forget(e end) {
	delete(t.stop, e.path)
	t.errs = append(t.errs, e.err)
}
