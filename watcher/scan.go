package watcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Limits of one service. They are far above what a service has, and keep a
// folder that is named by mistake ("/") or filled with malice from costing
// memory and time without bound.
const (
	maxFiles   = 10_000  // artefacts
	maxEntries = 50_000  // names of any kind that a scan looks at
	maxDepth   = 32      // folders below each other; each holds a descriptor
	maxBytes   = 4 << 30 // of a set

	maxUnfinished = 100 // files that are written under another name
)

// how says how to read a service's folder.
type how struct {
	match matcher
	fresh bool                // ask the other side of a share, see stat
	enter func(folder string) // called before a folder is read, "" first; so what is watched from here on is not missed
	beat  func()              // called on progress
	// programs are taken as executable whatever their mode says, for many a share
	// drops that.
	programs []string
}

// scanner is one scan under way.
type scanner struct {
	how
	left  int   // names that may still be looked at
	bytes int64 // of the artefacts so far
	snapshot
}

// scan reads the folder. An error says that it cannot be read as a whole; what
// is wrong with single files is the snapshot's problem. The caller closes fd.
func scan(ctx context.Context, fd int, h how) (snapshot, error) {
	s := scanner{how: h, left: maxEntries}
	st, err := stat(fd, "", h.fresh) // makes NFS ask for the names, too
	if err != nil {
		return snapshot{}, fmt.Errorf("stat: %w", err)
	}
	s.snapshot.folder = st.fingerprint
	// Reading moves the descriptor's position, and a duplicate would share it.
	top, err := openBelow(fd, ".", asFolder)
	if err != nil {
		return snapshot{}, fmt.Errorf("open: %w", err)
	}
	if err := s.folder(ctx, top, "", 0); err != nil {
		return snapshot{}, err
	}
	return s.snapshot, nil
}

// folder reads one folder and those below it, and closes fd.
func (s *scanner) folder(ctx context.Context, fd int, name string, depth int) error {
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	s.enter(name)
	names, err := s.names(ctx, f)
	if err != nil {
		return fmt.Errorf("read folder %s: %w", show(name), err)
	}
	slices.Sort(names)
	for _, base := range names {
		s.beat()
		if err := s.entry(ctx, fd, name, base, depth); err != nil {
			return err
		}
	}
	if name == "" {
		// "a.b" sorts before "a/b" as a string, but folder "a" after file "a.b".
		slices.SortFunc(s.entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	}
	return nil
}

// names reads what is in a folder, as far as the limit allows.
func (s *scanner) names(ctx context.Context, f *os.File) ([]string, error) {
	var all []string
	for ctx.Err() == nil {
		some, err := f.Readdirnames(1024)
		s.beat()
		if s.left -= len(some); s.left < 0 {
			s.refuse(fmt.Sprintf("the folder has more than %d names; give the service a folder of its own", maxEntries))
			return all, nil
		}
		all = append(all, some...)
		if errors.Is(err, io.EOF) || errors.Is(err, unix.ENOENT) { // ENOENT: removed while being read
			return all, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, ctx.Err()
}

// entry looks at one name of a folder.
func (s *scanner) entry(ctx context.Context, parent int, folder, base string, depth int) error {
	name := base
	if folder != "" {
		name = folder + "/" + base
	}
	wanted, below := s.match.file(name), s.match.folder(name)
	switch ignored, unfinished := s.match.ignores(name, base); {
	case ignored:
		if unfinished {
			s.unfinish(parent, name, base)
		}
		return nil
	case s.match.passes(name):
		s.passed = append(s.passed, show(name))
		return nil
	case !wanted && !below:
		s.others = append(s.others, name)
		return nil
	}
	st, err := stat(parent, base, s.fresh)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil // gone since its name was read
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		s.refuse(fmt.Sprintf("%s cannot be looked at (permission denied); make it readable", show(name)))
		return nil
	case err != nil:
		return fmt.Errorf("stat %s: %w", show(name), err)
	}
	if st.mode&unix.S_IFMT == unix.S_IFDIR && !isJAR(base) {
		if !below {
			return nil // "*" means the files
		}
		return s.descend(ctx, parent, name, base, depth)
	}
	if !wanted {
		return nil
	}
	if why := unfit(base, st.fingerprint); why != "" {
		s.refuse(show(name) + ": " + why)
		return nil
	}
	s.add(entry{name, st.fingerprint})
	return nil
}

// unfinish notes a file that somebody may be writing.
func (s *scanner) unfinish(parent int, name, base string) {
	if st, err := stat(parent, base, s.fresh); err == nil && len(s.unfinished) < maxUnfinished {
		s.unfinished = append(s.unfinished, entry{name, st.fingerprint})
	}
}

func (s *scanner) descend(ctx context.Context, parent int, name, base string, depth int) error {
	if why := badName(base); why != "" {
		s.refuse(fmt.Sprintf("folder %s: %s; rename it", show(name), why))
		return nil
	}
	if depth == maxDepth {
		s.refuse(fmt.Sprintf("folder %s is more than %d folders deep; make it flatter", show(name), maxDepth))
		return nil
	}
	fd, err := openBelow(parent, base, asFolder)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return nil // gone or replaced since its status was read
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		s.refuse(fmt.Sprintf("folder %s cannot be read (permission denied); make it readable", show(name)))
		return nil
	case err != nil:
		return fmt.Errorf("open folder %s: %w", show(name), err)
	}
	return s.folder(ctx, fd, name, depth+1)
}

func (s *scanner) add(e entry) {
	s.entries = append(s.entries, e)
	s.bytes += e.size
	if len(s.entries) > maxFiles {
		s.entries = s.entries[:maxFiles]
		s.refuse(fmt.Sprintf("more than %d files; narrow the service's files", maxFiles))
	}
	if e.size > maxBytes || s.bytes > maxBytes {
		s.bytes = 0
		s.refuse(fmt.Sprintf("more than %d GiB with %s; narrow the service's files", maxBytes>>30, show(e.name)))
	}
}

// refuse keeps the first problem: names come sorted, so it is the same one
// each time.
func (s *scanner) refuse(problem string) {
	if s.problem == "" {
		s.problem = problem
	}
}

// unfit says why a file cannot be an artefact, "" if it can.
func unfit(base string, p fingerprint) string {
	if why := badName(base); why != "" {
		return why + "; rename it"
	}
	switch p.mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFLNK:
		return "is a link, which could lead anywhere; put the file itself there"
	case unix.S_IFDIR:
		return "is a folder; put a file there"
	case unix.S_IFIFO:
		return "is a FIFO; put a regular file there"
	case unix.S_IFSOCK:
		return "is a socket; put a regular file there"
	default:
		return "is a device; put a regular file there"
	}
	if p.nlink > 1 {
		return "has a second hard link, so others may own or change its bytes; put a copy there"
	}
	return ""
}
