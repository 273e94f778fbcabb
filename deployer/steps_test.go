package deployer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// trial is a list of three steps, of which some fail, and what was done.
type trial struct {
	*steps
	log []string
}

func newTrial(ctx context.Context) *trial {
	return &trial{steps: &steps{ctx: ctx, grace: 10 * time.Second}}
}

// step does a step of that name, and undoes it, with those errors.
func (l *trial) step(name string, err, undo error) {
	l.do(name, func(context.Context) error {
		l.log = append(l.log, name)
		return err
	}, func(context.Context) error {
		l.log = append(l.log, "undo "+name)
		return undo
	})
}

func unexplained(_ context.Context, err error) error { return err }

var errTrial = errors.New("it is a trial")

func TestAllStepsAreDoneOrNone(t *testing.T) {
	for _, c := range []struct {
		name  string
		fails string
		undo  error
		log   []string
		want  string
	}{
		{"none fails", "", nil, []string{"one", "two", "three"}, ""},
		{"the first fails, and is undone itself", "one", nil, []string{"one", "undo one"}, "one: it is a trial"},
		{"the last fails", "three", nil, []string{"one", "two", "three", "undo three", "undo two", "undo one"}, "three: it is a trial"},
		{"all are undone though one cannot be", "two", errors.New("no"), []string{"one", "two", "undo two", "undo one"}, "two: it is a trial (and undo two: no\nundo one: no)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newTrial(t.Context())
			for _, name := range []string{"one", "two", "three"} {
				err := error(nil)
				if name == c.fails {
					err = errTrial
				}
				l.step(name, err, c.undo)
			}
			if got := l.failure(); (got != nil) != (c.want != "") || got != nil && !errors.Is(got, errTrial) {
				t.Errorf("the failure is %v", got)
			}
			err := l.end(unexplained)
			if got := fmt.Sprint(err); c.want == "" && err != nil || c.want != "" && (got != c.want || !errors.Is(err, errTrial)) {
				t.Errorf("%q, want %q", got, c.want)
			}
			if !slices.Equal(l.log, c.log) {
				t.Errorf("done was %q, want %q", l.log, c.log)
			}
		})
	}
}

func TestStepsSayWhatTheyTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTrial(t.Context())
		l.do("one", func(context.Context) error { time.Sleep(time.Second); return nil }, nil)
		l.do("two", func(context.Context) error { time.Sleep(2 * time.Second); return errTrial }, nil)
		l.do("three", func(context.Context) error { return nil }, nil)
		if want := []Step{{Name: "one", Took: time.Second}, {Name: "two", Took: 2 * time.Second}}; !slices.Equal(l.done, want) {
			t.Errorf("done are %v, want %v", l.done, want)
		}
	})
}

// What is given up between two steps is undone all the same, on time of its own.
func TestWhatIsGivenUpIsUndone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		l := newTrial(ctx)
		var left time.Duration
		l.do("one", func(context.Context) error { return nil }, func(ctx context.Context) error {
			until, _ := ctx.Deadline()
			left = time.Until(until)
			return ctx.Err()
		})
		cancel(errNewer)
		l.step("two", nil, nil)
		if err := l.end(unexplained); !errors.Is(err, errNewer) || err.Error() != "two: newer artefacts have come" {
			t.Errorf("%v", err)
		}
		if left != undoTime+10*time.Second {
			t.Errorf("its undo had %s", left)
		}
		if want := []string{"undo two"}; !slices.Equal(l.log, want) { // it may be half done, as far as anybody knows
			t.Errorf("done was %q, want %q", l.log, want)
		}
	})
}

// An undo that hangs holds up the others for a time only.
func TestAnUndoThatHangsIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTrial(t.Context())
		l.step("one", nil, nil)
		l.do("two", func(context.Context) error { return errTrial }, func(ctx context.Context) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		began := time.Now()
		err := l.end(unexplained)
		if took := time.Since(began); took != undoTime+10*time.Second {
			t.Errorf("it took %s", took)
		}
		var step *stepError
		if !errors.As(err, &step) || !errors.Is(step.Undo, context.DeadlineExceeded) || !slices.Contains(l.log, "undo one") {
			t.Errorf("%v; done was %q", err, l.log)
		}
	})
}

// The reason is looked into before anything is undone, which would remove it.
func TestAReasonIsExplainedBeforeAnythingIsUndone(t *testing.T) {
	l := newTrial(t.Context())
	l.step("one", errTrial, nil)
	err := l.end(func(_ context.Context, err error) error {
		l.log = append(l.log, "explain")
		return fmt.Errorf("%w, since the disk is full", err)
	})
	if !slices.Equal(l.log, []string{"one", "explain", "undo one"}) || err.Error() != "one: it is a trial, since the disk is full" {
		t.Errorf("%v; done was %q", err, l.log)
	}
}
