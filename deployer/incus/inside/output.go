package inside

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/logs"
)

const (
	// piece is how much is sent at a time.
	piece = 64 << 10
	// lookForNew is how often files are looked for that match patterns.
	lookForNew = time.Second
)

// output sends what the service prints from an offset on, a Piece at a time, until the
// input ends, and then what is there; without Stay only that. It keeps the file
// bounded.
func (s *server) output(ctx context.Context) error {
	if !s.Stay {
		_, err := s.pieces()
		return errors.Join(err, s.out.Flush())
	}
	ctx, cancel := s.untilAsked(ctx)
	defer cancel()
	for over := false; ; {
		sent, err := s.pieces()
		if err = errors.Join(err, s.out.Flush()); err != nil || over {
			return err
		}
		if !sent {
			over = deployer.Pause(ctx, lookEvery) != nil
		}
	}
}

// pieces sends all that is there beyond the offset.
func (s *server) pieces() (sent bool, err error) {
	f, err := logs.Open(filepath.Join(guest.Reports, "out"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if info.Size() < s.Offset {
		s.Offset = 0
	}
	buffer := make([]byte, piece)
	for s.Offset < info.Size() {
		at, err := unix.Seek(int(f.Fd()), s.Offset, unix.SEEK_DATA)
		if err != nil {
			break // no more than was given back
		}
		n, err := f.ReadAt(buffer[:min(piece, info.Size()-at)], at)
		if n == 0 {
			return sent, err
		}
		if err := json.NewEncoder(s.out).Encode(Piece{at, n}); err != nil {
			return sent, err
		}
		if _, err := s.out.Write(buffer[:n]); err != nil {
			return sent, err
		}
		s.Offset, sent = at+int64(n), true
	}
	if s.Keep > 0 {
		err = logs.Bound(f, s.Keep)
	}
	return sent, err
}

// lines sends the lines of files, also of those that come later, until the input ends,
// and then those that are there.
func (s *server) lines(ctx context.Context) error {
	ctx, cancel := s.untilAsked(ctx)
	defer cancel()
	known := map[string]bool{}
	var all sync.WaitGroup
	defer all.Wait()
	for {
		for _, pattern := range s.Files {
			names, _ := s.root.Glob(pattern) // one that is no pattern matches nothing
			for _, name := range names {
				if !known[name] {
					known[name] = true
					all.Go(func() { s.follow(ctx, name) })
				}
			}
		}
		if deployer.Pause(ctx, lookForNew) != nil {
			return nil
		}
	}
}

// follow sends the lines of one file, from where it was reached.
func (s *server) follow(ctx context.Context, name string) {
	give := func(l Line) { _ = s.send(l) } // who reads is gone, if it cannot be sent: then the input ends too
	open := func() (*os.File, error) { return s.root.Open(name) }
	start := int64(0)
	if file, err := open(); err == nil {
		if r, known := s.Reached[name]; known && r.Inode == inode(file) {
			start = r.Offset
		}
		file.Close()
	}
	_, _ = logs.Follow(ctx, open, start, logs.Options{ // what cannot be read now may be later
		Given: func(f *os.File, offset int64) { give(Line{File: name, Reached: &Reached{inode(f), offset}}) },
	}, func(l logs.Line) {
		give(Line{File: name, Text: l.Text, Coloured: l.Coloured, Unfinished: l.Unfinished})
	})
}

func inode(f *os.File) uint64 {
	if info, err := f.Stat(); err == nil {
		return info.Sys().(*syscall.Stat_t).Ino
	}
	return 0
}
