package jars

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/watcher"
)

// suit refuses libraries that do other things where the launcher is not.
func (s *Split) suit() error {
	for _, lib := range s.Libraries {
		if strings.HasPrefix(path.Base(lib.Place), "spring-boot-devtools") {
			return refuse("has Spring Boot's devtools, which take a start without its launcher for one in an IDE")
		}
	}
	return nil
}

// check refuses what the other order of the class path would change: a name that is in
// two of its JARs, with other content in each, and of which the first one wins. The
// libraries are in the launcher's order. Of what is read whole, it gives the entries of
// the application's part that have to stay before those of libraries.
func (s *Split) check(libraries []Library, l layout) (first []entry, err error) {
	if !l.inOneJAR {
		if err := s.once(); err != nil {
			return nil, err
		}
	}
	sorted := hashes(s.app)
	app := indexOf(s.app, sorted)
	before := map[int32]bool{}
	for _, lib := range libraries {
		for i := range clashes(app, lib.Names) {
			at, _ := slices.BinarySearchFunc(sorted, app.hash(i), func(h hashed, hash uint64) int { return cmp.Compare(h.hash, hash) })
			e := s.app[sorted[at].at]
			if !isWhole(e.name) {
				return nil, refuse("has %s in the application's part and, with other content, in %s; the application's has to come first", short(e.name), short(lib.Place))
			}
			before[sorted[at].at] = true
		}
	}
	if len(before) > 0 {
		first, s.app = s.without(before)
	}
	return first, s.checkMoved(libraries, l)
}

// checkMoved looks at the libraries that now come behind others which they were before.
func (s *Split) checkMoved(libraries []Library, l layout) error {
	for i, moved := range libraries {
		if !s.Rule.changes(moved.Place) {
			continue
		}
		for _, lib := range libraries[i+1:] {
			if s.Rule.changes(lib.Place) {
				continue
			}
			for j := range clashes(moved.Names, lib.Names) {
				// Spring sorts what it finds of its own.
				if name := l.nameIn(moved, index(moved.Names).hash(j)); !isWhole(name) || strings.HasPrefix(name, "META-INF/services/") {
					return refuse("has %s in %s and, with other content, in %s; the first of them, which the builds change, has to come first", short(name), short(moved.Place), short(lib.Place))
				}
			}
		}
	}
	return nil
}

// without divides the application's entries into those at some places of the list and
// the others.
func (s *Split) without(at map[int32]bool) (these, others []entry) {
	for i, e := range s.app {
		if at[int32(i)] {
			these = append(these, e)
		} else {
			others = append(others, e)
		}
	}
	return these, others
}

// once refuses two entries of one name in the application's part, which are in two
// places of the JAR, and drops one of them if they are the same.
func (s *Split) once() error {
	sorted := hashes(s.app)
	double := map[int32]bool{}
	for i := 1; i < len(sorted); i++ {
		a, b := s.app[sorted[i-1].at], s.app[sorted[i].at]
		if a.name != b.name {
			continue
		}
		if a.CRC32 != b.CRC32 || a.UncompressedSize64 != b.UncompressedSize64 {
			return refuse("has two different entries, %s and %s, for one name", short(a.Name), short(b.Name))
		}
		double[sorted[i].at] = true
	}
	if len(double) > 0 {
		_, s.app = s.without(double)
	}
	return nil
}

// nameIn finds a name that is known by its hash, by reading the library again.
func (l layout) nameIn(lib Library, hash uint64) string {
	const unknown = "a name"
	i := slices.IndexFunc(l.places, func(p place) bool { return p.where() == lib.Place })
	r, closer, err := l.places[i].at()
	if err != nil {
		return unknown
	}
	defer closer.Close()
	z, err := watcher.OpenJAR(r, l.places[i].size())
	if err != nil {
		return unknown
	}
	var entries []entry
	for _, f := range z.File {
		entries = append(entries, entry{f.Name, f})
	}
	for _, h := range hashes(entries) {
		if h.hash == hash {
			return entries[h.at].name
		}
	}
	return unknown
}
