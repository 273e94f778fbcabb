package inside

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/base/rootfs"
	"github.com/jarloop/jarloop/deployer/guest"
)

// server is one call under way.
type server struct {
	Request
	root *guest.Root
	in   *bufio.Reader

	sending sync.Mutex // one at a time
	out     *bufio.Writer
}

// lockFile is on /dev, which is a tmpfs: it needs no room, and is gone with the boot.
const lockFile = "/dev/.jarloop-writing"

// locked writes while no other call does: package guest gives what is not whole yet a
// name of its own, once for a process.
func (s *server) locked(ctx context.Context, write func() error) error {
	lock := flock.New(lockFile)
	if _, err := lock.TryLockContext(ctx, lookEvery); err != nil {
		return fmt.Errorf("wait for another call to have written: %w", err)
	}
	defer lock.Close()
	return write()
}

func (s *server) answer(a Answer, err error) error {
	if err != nil {
		a.Error = err.Error()
		for kind, is := range kinds {
			if errors.Is(err, is) {
				a.Kind = kind
			}
		}
	}
	return s.send(a)
}

// send writes a value for who has made the call. Several goroutines may.
func (s *server) send(value any) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	return errors.Join(json.NewEncoder(s.out).Encode(value), s.out.Flush())
}

// untilAsked gives a context that ends with the standard input.
func (s *server) untilAsked(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, s.in)
		cancel()
	}()
	return ctx, cancel
}

// sizes gives what folders take.
func sizes(ctx context.Context, folders []string) (all []int64, err error) {
	for _, folder := range folders {
		size, err := rootfs.Size(ctx, folder)
		if err != nil {
			return nil, err
		}
		all = append(all, size)
	}
	return all, nil
}

// lookEvery is how often a file is looked at that somebody waits for.
const lookEvery = 20 * time.Millisecond

// status gives how the service has ended, nil if it has not.
func status() (*Exit, error) {
	line, err := guest.ReadReport(guest.Reports)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, guest.ErrIrregular):
		return &Exit{Wrong: err.Error()}, nil
	case err != nil:
		return nil, err
	}
	return &Exit{Line: line}, nil
}

// wait is status once the service has ended, or when nobody waits any more.
func (s *server) wait() (*Exit, error) {
	ctx, cancel := s.untilAsked(context.Background())
	defer cancel()
	for {
		exit, err := status()
		if exit != nil || err != nil || deployer.Pause(ctx, lookEvery) != nil {
			return exit, err
		}
	}
}
