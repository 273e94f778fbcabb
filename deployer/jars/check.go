package jars

import (
	"context"
	"slices"

	"github.com/jarloop/jarloop/watcher"
)

// check refuses what the other order of the class path would change: a name that is in
// two of its JARs, with other content in each, and of which the first one wins. The
// libraries are in the launcher's order.
func (s *Split) check(ctx context.Context, libraries []Library, l layout) error {
	if !l.inOneJAR {
		if err := s.once(); err != nil {
			return err
		}
	}
	sorted := hashes(s.app)
	app := indexOf(s.app, sorted)
	for _, lib := range libraries {
		if i, _ := clash(app, lib.Names); i >= 0 {
			at := slices.IndexFunc(sorted, func(h hashed) bool { return h.hash == app.hash(i) })
			return refuse("has %s in the application's part and, with other content, in %s; the application's has to come first", short(s.app[sorted[at].at].name), short(lib.Place))
		}
	}
	for i, moved := range libraries {
		if !s.Rule.changes(moved.Place) {
			continue
		}
		for _, lib := range libraries[i+1:] {
			if s.Rule.changes(lib.Place) {
				continue
			}
			if j, _ := clash(moved.Names, lib.Names); j >= 0 {
				return refuse("has %s in %s and, with other content, in %s; the first of them, which the builds change, has to come first",
					l.nameIn(ctx, moved, index(moved.Names).hash(j)), short(moved.Place), short(lib.Place))
			}
		}
	}
	return nil
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
		var all []entry
		for i, e := range s.app {
			if !double[int32(i)] {
				all = append(all, e)
			}
		}
		s.app = all
	}
	return nil
}

// nameIn finds a name that is known by its hash, by reading the library again.
func (l layout) nameIn(ctx context.Context, lib Library, hash uint64) string {
	const unknown = "a name"
	i := slices.IndexFunc(l.places, func(p place) bool { return p.where() == lib.Place })
	r, closer, err := l.places[i].at(ctx)
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
			return short(entries[h.at].name)
		}
	}
	return unknown
}
