package deployer

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
)

// sharing owns the files that instances share: it knows which there are and which
// generations run with them, and removes the oldest of the others when they take too
// much room.
type sharing struct {
	owner
	sharer Sharer
	limit  int64 // bytes

	// Of the owner alone.
	known   map[string]SharedFile // nil: it has not been looked yet; then it is kept
	users   map[string][]string   // by generation: what it runs with
	useless map[string]bool       // archives that a JVM has not taken
}

func newSharing(s Sharer, limit int64) *sharing {
	return &sharing{owner: newOwner(), sharer: s, limit: limit, users: map[string][]string{}, useless: map[string]bool{}}
}

// look finds out which files there are. It is called by the owner.
func (s *sharing) look(ctx context.Context) error {
	if s.known != nil {
		return nil
	}
	all, err := s.sharer.Shared(ctx)
	if err != nil {
		return err
	}
	s.known = map[string]SharedFile{}
	for _, f := range all {
		s.known[f.Name] = f
		if strings.HasSuffix(f.Name, classesEnding) { // for an archive that an earlier agent was making
			_ = s.remove(ctx, f.Name) // it goes as the oldest else
		}
	}
	return nil
}

// ready is an error where files cannot be shared.
func (s *sharing) ready(ctx context.Context) (err error) {
	return errors.Join(s.do(ctx, func() { err = s.look(ctx) }), err)
}

// use notes that a generation runs with these files, so that they stay, and gives
// those that are not there yet.
func (s *sharing) use(ctx context.Context, generation string, files []string) (missing []string, err error) {
	return missing, errors.Join(s.do(ctx, func() {
		if err = s.look(ctx); err != nil {
			return
		}
		s.users[generation] = append(s.users[generation], files...)
		missing = slices.DeleteFunc(slices.Clone(files), func(f string) bool { _, there := s.known[f]; return there })
	}), err)
}

// release notes that a generation has ended, or runs without them, and removes what is
// too much.
func (s *sharing) release(generation string) {
	ctx := context.Background()
	_ = s.do(ctx, func() {
		delete(s.users, generation)
		if s.known != nil {
			_ = s.removeOldest(ctx) // what cannot be removed goes another time
		}
	})
}

// has says whether a file is there.
func (s *sharing) has(ctx context.Context, name string) (there bool) {
	_ = s.do(ctx, func() {
		if s.look(ctx) == nil {
			_, there = s.known[name]
		}
	})
	return there
}

// share makes what write writes a shared file, where there is none by that name.
func (s *sharing) share(ctx context.Context, name string, write func(io.Writer) error) error {
	c := &counting{}
	err := s.sharer.Share(ctx, name, func(w io.Writer) error {
		c.to = w
		return write(c)
	})
	if err == nil {
		s.add(name, c.bytes)
	}
	return err
}

// counting counts what is written.
type counting struct {
	to    io.Writer
	bytes int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.bytes += int64(n)
	return n, err
}

// produce has a command make a shared file.
func (s *sharing) produce(ctx context.Context, p Production) (Produced, error) {
	made, err := s.sharer.Produce(ctx, p)
	if err == nil {
		s.add(p.Name, made.Bytes)
	}
	return made, err
}

// add notes that a file is there. Two may share one at once, and one of them has
// written it.
func (s *sharing) add(name string, bytes int64) {
	_ = s.do(context.Background(), func() {
		if f, there := s.known[name]; s.known != nil && (!there || f.Size < bytes) {
			s.known[name] = SharedFile{Name: name, Size: bytes, Time: time.Now()}
		}
	})
}

// isUseful says whether an archive may be of use: no JVM has left it aside so far.
func (s *sharing) isUseful(ctx context.Context, archive string) (ok bool) {
	_ = s.do(ctx, func() { ok = !s.useless[archive] })
	return ok
}

// reject notes that a JVM has left an archive aside, and removes it.
func (s *sharing) reject(ctx context.Context, archive string) {
	_ = s.do(ctx, func() {
		s.useless[archive] = true
		_ = s.remove(ctx, archive) // it goes as the oldest else
	})
}

// collect removes what is too much.
func (s *sharing) collect(ctx context.Context) (err error) {
	over := s.do(ctx, func() {
		if err = s.look(ctx); err == nil {
			err = s.removeOldest(ctx)
		}
	})
	return errors.Join(over, err)
}

// removeOldest removes the oldest files that nothing runs with, until the rest is not
// too much. It is called by the owner.
func (s *sharing) removeOldest(ctx context.Context) error {
	used := map[string]bool{}
	for _, files := range s.users {
		for _, f := range files {
			used[f] = true
		}
	}
	total, idle := int64(0), []SharedFile(nil)
	for name, f := range s.known {
		total += f.Size
		if !used[name] {
			idle = append(idle, f)
		}
	}
	slices.SortFunc(idle, func(a, b SharedFile) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Name, b.Name)) })
	var errs []error
	for _, f := range idle {
		if total <= s.limit {
			break
		}
		total -= f.Size
		errs = append(errs, s.remove(ctx, f.Name))
	}
	return errors.Join(errs...)
}

// remove is called by the owner.
func (s *sharing) remove(ctx context.Context, name string) error {
	if err := s.sharer.Unshare(ctx, name); err != nil {
		return err
	}
	delete(s.known, name)
	return nil
}
