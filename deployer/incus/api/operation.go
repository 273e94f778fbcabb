package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// Operation is something that Incus does in the background.
type Operation struct {
	ID        string              `json:"id"`
	Status    string              `json:"status"`
	Code      int                 `json:"status_code"`
	Error     string              `json:"err"`
	Metadata  json.RawMessage     `json:"metadata"`
	Class     string              `json:"class"` // task, or websocket: a command that runs
	Resources map[string][]string `json:"resources"`
}

// waitPiece is how long one call waits: a connection that is dead is noticed then. lookAgain
// is the pause where that could not be.
const (
	waitPiece = 10 * time.Second
	lookAgain = 250 * time.Millisecond
)

// begin begins an operation.
func (c *Client) begin(ctx context.Context, k call) (Operation, error) {
	a, _, err := c.do(ctx, k)
	if err != nil {
		return Operation{}, err
	}
	var op Operation
	if a.Type != "async" {
		return op, &Error{Call: k.method + " " + k.path, Text: "an answer of the kind " + a.Type + " where an operation was expected"}
	}
	if err := json.Unmarshal(a.Metadata, &op); err != nil || op.ID == "" {
		return op, &Error{Call: k.method + " " + k.path, Text: "an operation without an ID"}
	}
	return op, nil
}

// run begins an operation and waits for its end, at most so long. Where that is not
// waited for any more it is asked to end, as far as it can be.
func (c *Client) run(ctx context.Context, most time.Duration, k call) (Operation, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("incus: %s %s: not done within %s", k.method, k.path, most))
	defer cancel()
	op, err := c.begin(ctx, k)
	if err != nil {
		return op, err
	}
	return c.await(ctx, op, k.method+" "+k.path)
}

// errUnknown says that an operation is not there to be asked: Incus keeps one for five
// seconds after its end, which may have been good.
var errUnknown = errors.New("not known")

// missed is how often in a row it may not be learned how an operation is.
const missed = 20

// await waits for the end of an operation.
func (c *Client) await(ctx context.Context, op Operation, what string) (Operation, error) {
	where := "/1.0/operations/" + path.Base(op.ID)
	for n := 0; ; {
		now, err := c.look(ctx, where)
		switch {
		case context.Cause(ctx) != nil:
			c.cancel(ctx, where)
			return op, context.Cause(ctx)
		case err != nil && (IsNotFound(err) || n == missed): // which says nothing of what it was about
			return op, fmt.Errorf("how %s has ended is %w: %s", what, errUnknown, err.Error())
		case err != nil:
			n++
			_ = deployer.Pause(ctx, lookAgain)
		case now.Code >= http.StatusBadRequest:
			return now, &Error{Call: what, Status: now.Code, Text: now.Error}
		case now.Code >= http.StatusOK:
			return now, nil
		default:
			n = 0
		}
	}
}

// look gives an operation when it has ended, or after a piece of time. For one of
// another member Incus needs its connection for events, which comes and goes; without
// it an operation can only be looked at.
func (c *Client) look(ctx context.Context, where string) (op Operation, err error) {
	_, err = c.getWithin(ctx, waitPiece+c.quick, where+"/wait", url.Values{"timeout": {fmt.Sprint(int(waitPiece / time.Second))}}, &op)
	if err == nil || IsNotFound(err) || context.Cause(ctx) != nil {
		return op, err
	}
	if _, failed := c.get(ctx, where, nil, &op); failed != nil {
		return op, errors.Join(err, failed)
	}
	if op.Code < http.StatusOK { // at most waitPiece was waited for it, or not at all
		_ = deployer.Pause(ctx, lookAgain)
	}
	return op, nil
}

// cancel asks an operation to end; many cannot be asked.
func (c *Client) cancel(ctx context.Context, where string) {
	ctx, end := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer end()
	_, _, _ = c.do(ctx, call{method: http.MethodDelete, path: where})
}

// Busy says whether Incus is doing something with an instance, on whatever member: it
// refuses other acts meanwhile.
func (c *Client) Busy(ctx context.Context, name string) (bool, error) {
	var byStatus map[string][]Operation
	if _, err := c.get(ctx, "/1.0/operations", url.Values{"recursion": {"1"}}, &byStatus); err != nil {
		return false, err
	}
	for _, op := range byStatus["running"] {
		for _, of := range op.Resources["instances"] {
			if u, err := url.Parse(of); err == nil && op.Class == "task" && path.Base(u.Path) == name {
				return true, nil
			}
		}
	}
	return false, nil
}
