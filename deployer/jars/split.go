package jars

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/jarloop/jarloop/watcher"
)

// Split is an executable JAR taken apart. It holds the JAR open. Its parts can be
// written side by side.
type Split struct {
	Kind    string   // for people: "Spring Boot"
	Main    string   // the main class
	Options []string // of java, which the manifest asks for with -jar alone
	// Libraries come first on the class path, in this order, and the application's part
	// after them.
	Libraries []Library
	// Stable is how many of the first libraries are not the project's own: the prefix
	// of the class path that stays the same from build to build.
	Stable int
	Rule   Rule // what the builds change; to be kept for the next Open

	root     *os.Root
	jar      *os.File
	manifest manifest // of the application's part
	first    manifest // of the JAR that comes first, as long as no build changes it
	app      []entry
	write    map[string]func(context.Context, io.Writer) error // a library by its name
}

// Known is what to give to the next Open of this JAR.
func (s *Split) Known() Known { return Known{s.Rule, s.Libraries, string(s.first.bytes())} }

// Close closes the JAR.
func (s *Split) Close() error {
	return errors.Join(s.jar.Close(), s.root.Close())
}

// Open takes a JAR apart. Libraries that are known already are not read. The error
// is a *Refused where that cannot be done true to java -jar.
func Open(ctx context.Context, from Source, known Known) (*Split, error) {
	root, err := os.OpenRoot(from.Dir)
	if err != nil {
		return nil, err
	}
	s := &Split{root: root, write: map[string]func(context.Context, io.Writer) error{}}
	if s.jar, err = root.Open(filepath.FromSlash(from.Name)); err != nil {
		root.Close()
		return nil, err
	}
	if err := s.open(ctx, from, known); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Split) open(ctx context.Context, from Source, known Known) error {
	info, err := s.jar.Stat()
	if err != nil {
		return err
	}
	z, err := watcher.OpenJAR(s.jar, info.Size())
	if err != nil {
		return fmt.Errorf("%s %w", short(from.Name), err)
	}
	m, err := readManifest(z.File)
	if err != nil {
		return err
	}
	if err := sound(z.File, m); err != nil {
		return err
	}
	s.Options = options(m)
	l, err := lay(&jar{from: from, root: s.root, file: s.jar, files: z.File, manifest: m})
	if err != nil {
		return err
	}
	if !isClassName(l.main) {
		return refuse("has a main class, %s, that is none", short(l.main))
	}
	s.Kind, s.Main = l.kind, l.main
	return s.join(ctx, l, known)
}

// join reads the libraries, divides what is in one place, and looks whether all of it
// is the same as with java -jar.
func (s *Split) join(ctx context.Context, l layout, known Known) error {
	libraries, err := l.libraries(ctx, known)
	if err != nil {
		return err
	}
	if len(libraries) > maxLibraries {
		return refuse("has more than %d libraries", maxLibraries)
	}
	s.manifest, s.first, s.app = l.manifest.without("Class-Path"), l.outer.without("Class-Path"), l.app
	s.Rule = known.Rule.grown(nil, known.replaced(libraries)).revised(known.Manifest, s.first)
	s.Libraries, s.Stable = order(libraries, s.Rule)
	for i, p := range l.places {
		s.write[libraries[i].Name] = writerOf(libraries[i], p, l.oldJava)
	}
	if l.shaded {
		if err := s.divide(&l, known); err != nil {
			return err
		}
	}
	if s.Stable == 0 {
		return ErrNoLibraries
	}
	if err := s.suit(); err != nil {
		return err
	}
	first, err := s.check(libraries, l)
	if err != nil {
		return err
	}
	s.putBefore(first)
	return nil
}

// WriteLibrary writes a library's file, and gives an error if it is not what its name
// says.
func (s *Split) WriteLibrary(ctx context.Context, l Library, to io.Writer) error {
	write, ok := s.write[l.Name]
	if !ok {
		return fmt.Errorf("library %s is not of this JAR", short(l.Name))
	}
	return write(ctx, to)
}

// WriteApp writes the application's part, which takes the name of the JAR.
func (s *Split) WriteApp(ctx context.Context, to io.Writer) error {
	return writeJAR(ctx, to, s.manifest, s.app)
}
