package incus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/inside"
)

// Produce makes a shared file by a command, in a helper that may only read the others.
func (e *Engine) Produce(ctx context.Context, p deployer.Production) (deployer.Produced, error) {
	made, err := e.produce(ctx, p)
	if err != nil {
		err = fmt.Errorf("produce %s: %w", p.Name, err)
	}
	return made, err
}

func (e *Engine) produce(ctx context.Context, p deployer.Production) (made deployer.Produced, err error) {
	if _, err := e.shared().File(p.Name); err != nil {
		return made, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.Time, late("the command has not ended", p.Time))
	defer cancel()
	member := ""
	if i, _, err := e.find(ctx, p.Beside); err == nil {
		member = i.Location
	}
	base, err := e.bases.find(ctx, p.Base, "", member)
	if err != nil {
		return made, err
	}
	if len(p.Needs) > 0 {
		if err := e.fill(ctx, base.Location, p.Base, p.Needs); err != nil {
			return made, err
		}
	}
	devices, err := e.sharedDisk(ctx, base.Location, true)
	if err != nil {
		return made, err
	}
	h := helper{name: "jarloop-produce", base: base, devices: devices, config: map[string]string{
		keyMemory: strconv.FormatInt(p.Memory, 10) + "B", "limits.memory.swap": "false",
		"limits.cpu.allowance": "1%", // of what others want, which is not more than is left
	}}
	began := time.Now()
	err = e.help(ctx, h, func(ctx context.Context, in helping) error {
		if made, err = in.run(ctx, p); err != nil {
			return err
		}
		return in.take(ctx, p.Name, made.Bytes)
	})
	made.Took = time.Since(began)
	if err == nil {
		_ = e.fill(ctx, base.Location, p.Base, []string{p.Name}) // else the first that needs it waits for that
	}
	return made, err
}

// run runs the command of a production.
func (h helping) run(ctx context.Context, p deployer.Production) (made deployer.Produced, err error) {
	held := newOpen(ctx)
	defer held.close()
	heard := &lines{each: func(inside.Answer) {}}
	err = h.stream(ctx, inside.Request{Call: inside.CallProduce, Argv: p.Argv, File: p.Out, Most: p.Disk}, held, heard)
	switch {
	case err != nil:
		return made, err
	case heard.last == nil:
		return made, errCut
	case heard.last.Err() != nil:
		return made, heard.last.Err()
	}
	m := heard.last.Made
	switch {
	case m.Killed:
		return made, errors.New(deployer.OverMemory(p.Memory))
	case m.Wrong != "":
		return made, errors.New(m.Wrong)
	}
	return deployer.Produced{Bytes: m.Bytes, CPU: m.CPU, Memory: m.Memory}, nil
}

// take makes what a command has made a shared file of the agent's, from where it comes to
// the members that need it.
func (h helping) take(ctx context.Context, name string, size int64) error {
	files, err := h.e.Client.Files(ctx, h.i.Name)
	if err != nil {
		return err
	}
	defer files.Close()
	made, err := files.Open(inside.Produced, 0)
	if err != nil {
		return err
	}
	defer made.Close()
	plain, err := zstd.NewReader(made, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer plain.Close()
	return h.e.shared().Add(ctx, name, func(w io.Writer) error {
		n, err := io.Copy(w, io.LimitReader(plain, size+1))
		if err == nil && n != size {
			err = fmt.Errorf("%d bytes have come of %d", n, size)
		}
		return err
	})
}
