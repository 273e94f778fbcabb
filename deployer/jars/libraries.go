package jars

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/jarloop/jarloop/watcher"
)

// libraries gives those at the layout's places, from what is known or by reading them,
// and adds the places that their manifests name.
func (l *layout) libraries(ctx context.Context, known Known) ([]Library, error) {
	if len(l.places) > maxLibraries {
		return nil, refuse("has more than %d libraries", maxLibraries)
	}
	all := make([]Library, len(l.places))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(min(runtime.GOMAXPROCS(0), 4))
	find := known.byPlace()
	for i, p := range l.places {
		if lib, ok := find(p); ok {
			all[i] = lib
			continue
		}
		group.Go(func() (err error) {
			all[i], err = l.readLibrary(reading, p)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if l.follow == nil || !slices.ContainsFunc(all, func(lib Library) bool { return len(lib.ClassPath) > 0 }) {
		return all, nil
	}
	return l.followed(ctx, all, find)
}

// followed adds what the manifests of libraries name, each behind the one that names
// it, as java does (jdk.internal.loader.URLClassPath). What of it is not there java
// passes over.
func (l *layout) followed(ctx context.Context, first []Library, find func(place) (Library, bool)) ([]Library, error) {
	there := map[string]int{}
	for i, p := range l.places {
		there[p.where()] = i
	}
	var places []place
	var all []Library
	var visit func(p place, lib Library) error
	visit = func(p place, lib Library) error {
		if slices.ContainsFunc(all, func(a Library) bool { return a.Place == lib.Place }) {
			return nil
		}
		if places, all = append(places, p), append(all, lib); len(all) > maxLibraries {
			return refuse("has more than %d libraries", maxLibraries)
		}
		for _, word := range lib.ClassPath {
			b, err := l.follow.beside(lib.Place, word)
			if err != nil || b.name == l.follow.from.Name {
				continue
			}
			next, ok := find(b)
			if i, named := there[b.name]; named {
				next = first[i]
			} else if !ok {
				if next, err = l.readLibrary(ctx, b); err != nil {
					return err
				}
			}
			if err := visit(b, next); err != nil {
				return err
			}
		}
		return nil
	}
	for i, p := range l.places {
		if err := visit(p, first[i]); err != nil {
			return nil, err
		}
	}
	l.places = places
	return all, nil
}

// order puts the libraries that the builds change last, and says how many others there
// are. Of two that are the same, the first one alone is of use.
func order(libraries []Library, r Rule) (ordered []Library, stable int) {
	var own []Library
	there := map[string]bool{}
	for _, lib := range libraries {
		if there[lib.Name] {
			continue
		}
		there[lib.Name] = true
		if r.changes(lib.Place) {
			own = append(own, lib)
		} else {
			ordered = append(ordered, lib)
		}
	}
	return append(ordered, own...), len(ordered)
}

// writerOf gives what writes a library's file.
func writerOf(lib Library, p place, old bool) func(context.Context, io.Writer) error {
	if lib.Releases && old {
		return func(ctx context.Context, to io.Writer) error { return rewrite(ctx, p, to) }
	}
	return func(ctx context.Context, to io.Writer) error {
		r, err := p.open()
		if err != nil {
			return err
		}
		defer r.Close()
		h := sha256.New()
		if _, err := copyAll(ctx, io.MultiWriter(to, h), r); err != nil {
			return fmt.Errorf("library %s: %w", short(p.where()), err)
		}
		if key := hex.EncodeToString(h.Sum(nil)); !strings.HasPrefix(lib.Name, key[:keyLength]+"/") {
			return fmt.Errorf("library %s has changed since it was read", short(p.where()))
		}
		return nil
	}
}

// rewrite writes a library with all that is in it, but for the word in its manifest
// that has Java look at its classes for some releases.
func rewrite(ctx context.Context, p place, to io.Writer) error {
	r, closer, err := p.at()
	if err != nil {
		return err
	}
	defer closer.Close()
	z, err := watcher.OpenJAR(r, p.size())
	if err != nil {
		return fmt.Errorf("library %s %w", short(p.where()), err)
	}
	m, err := readManifest(z.File)
	if err != nil {
		return err
	}
	var entries []entry
	for _, f := range z.File {
		if !isManifest(f.Name) {
			entries = append(entries, entry{f.Name, f})
		}
	}
	return writeJAR(ctx, to, m.without("Multi-Release"), entries)
}
