package deployer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jarloop/jarloop/deployer/crash"
)

// undoTime bounds the undoing of one step.
const undoTime = time.Minute

// Step is one finished step of a deploy.
type Step struct {
	Name string        `json:"name"`
	Took time.Duration `json:"took_ns"`
}

// transaction is a list of steps of which either all are done or, as far as
// undoing goes, none. After a step that failed the later ones are passed over.
type transaction struct {
	ctx   context.Context
	steps []Step
	undos []undo
	err   error
	// failed is the name of the step that did not go well.
	failed string
}

type undo struct {
	step string
	do   func(context.Context) error
}

// step does one step. Its undo may be nil; it also runs when the step itself
// fails, so it must be safe where the step was half done or never ran.
func (t *transaction) step(name string, do, back func(context.Context) error) {
	if t.err != nil {
		return
	}
	if back != nil {
		t.undos = append(t.undos, undo{name, back})
	}
	defer crash.Point("step " + name)()
	started := time.Now()
	if t.err = context.Cause(t.ctx); t.err == nil {
		t.err = do(t.ctx)
	}
	t.steps = append(t.steps, Step{name, time.Since(started)})
	if t.err != nil {
		t.failed = name
	}
}

// stepError says which step of a deploy failed, and why. What could not be
// undone afterwards is in Undo; it is tried again later.
type stepError struct {
	Step string
	Err  error
	Undo error
}

func (e *stepError) Error() string {
	if e.Undo != nil {
		return fmt.Sprintf("%s: %v (and %v)", e.Step, e.Err, e.Undo)
	}
	return fmt.Sprintf("%s: %v", e.Step, e.Err)
}

func (e *stepError) Unwrap() error { return e.Err }

// finish undoes everything if a step failed, last first, on a context of its
// own: a cancelled deploy is undone too.
func (t *transaction) finish() error {
	if t.err == nil {
		return nil
	}
	e := &stepError{Step: t.failed, Err: t.err}
	for len(t.undos) > 0 { // an undo may say that those before it are not to be
		u := t.undos[len(t.undos)-1]
		t.undos = t.undos[:len(t.undos)-1]
		over := crash.Point("undo " + u.step)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), undoTime)
		if err := u.do(ctx); err != nil {
			e.Undo = errors.Join(e.Undo, fmt.Errorf("undo %s: %w", u.step, err))
		}
		cancel()
		over()
	}
	return e
}
