package jars

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"slices"
	"strings"
)

// divide makes two parts of a JAR in which libraries are: one library of what the
// project's builds do not change, and the rest.
func (s *Split) divide(l *layout, known Known) error {
	s.Rule = s.Rule.grown(roots(l), nil)
	before := known.shaded()
	app, library, lib := s.part(l, before)
	if before.Name != "" && before.Name != lib.Name {
		if changed := changedPackages(library, lib, before); len(changed) > 0 {
			s.Rule = s.Rule.grown(nil, changed)
			app, library, lib = s.part(l, before)
		}
	}
	if classesOf(library) < l.least {
		return nil
	}
	if err := divisible(l); err != nil {
		return err
	}
	s.app = app
	s.putFirst(lib, s.Rule.forLibraries(s.first), library)
	return nil
}

// divisible refuses what is about all that is in one JAR with it.
func divisible(l *layout) error {
	if l.manifest.isTrue("Sealed") {
		return refuse("is sealed, so that a package's classes have to be in one JAR")
	}
	for _, e := range l.app {
		if e.name == "META-INF/beans.xml" || e.name == "META-INF/persistence.xml" {
			return refuse("has %s, which is about all that is in one JAR with it", e.name)
		}
	}
	return nil
}

func classesOf(entries []entry) int {
	n := 0
	for _, e := range entries {
		if strings.HasSuffix(e.name, ".class") {
			n++
		}
	}
	return n
}

// putFirst puts a library before the others that is put together of entries.
func (s *Split) putFirst(lib Library, m manifest, entries []entry) {
	s.write[lib.Name] = func(ctx context.Context, to io.Writer) error {
		return writeJAR(ctx, to, m, entries)
	}
	s.Libraries, s.Stable = slices.Insert(s.Libraries, 0, lib), s.Stable+1
}

// putBefore puts a JAR before all libraries that has the application's manifest, which
// the JAR itself is the first to have with java -jar, and entries that libraries have
// others of.
func (s *Split) putBefore(entries []entry) {
	if len(entries) == 0 && (s.Rule.Manifests >= 2 || s.Libraries[0].Versions != "") {
		return
	}
	m := s.Rule.forLibraries(s.first)
	sum := sumOf(entries, hashes(entries), m.bytes())
	s.putFirst(Library{Name: sum[:keyLength] + "/first.jar", Sum: sum}, m, entries)
}

// roots are the packages that the manifest's classes tell: of the one that Vert.x is to
// start, whose own is the main class then, or of the main class.
func roots(l *layout) []string {
	class := l.main
	if verticle := l.manifest.value("Main-Verticle"); isClassName(verticle) {
		class = verticle
	}
	i := strings.LastIndexByte(class, '.')
	if i <= 0 {
		return nil // everything at the root is the application's anyway
	}
	return []string{rootOf(strings.ReplaceAll(class[:i], ".", "/"))}
}

// part divides by the rule, and describes the library.
func (s *Split) part(l *layout, before Library) (app, library []entry, lib Library) {
	app, library = partition(l.app, s.Rule)
	text := s.Rule.forLibraries(s.first).bytes()
	sorted := hashes(library)
	lib = Library{Sum: sumOf(library, sorted, text), Versions: versionsOf(app, s.Rule)}
	lib.Name = lib.Sum[:keyLength] + "/libraries.jar"
	if lib.Sum == before.Sum {
		lib.Names = before.Names
	} else {
		lib.Names = indexOf(library, sorted)
	}
	return app, library, lib
}

// sumOf gives a checksum of what is in a library that is put together, whatever the
// order of its entries, without reading them.
func sumOf(entries []entry, sorted []hashed, manifest []byte) string {
	h := sha256.New()
	_, _ = h.Write(manifest)
	buf := make([]byte, 0, 16<<10)
	for _, x := range sorted {
		e := entries[x.at]
		buf = binary.BigEndian.AppendUint16(buf, uint16(len(e.name)))
		buf = append(buf, e.name...)
		buf = binary.BigEndian.AppendUint16(buf, e.Method)
		buf = binary.BigEndian.AppendUint32(buf, e.CRC32)
		buf = binary.BigEndian.AppendUint64(buf, e.CompressedSize64)
		buf = binary.BigEndian.AppendUint64(buf, e.UncompressedSize64)
		if len(buf) > 8<<10 {
			_, _ = h.Write(buf)
			buf = buf[:0]
		}
	}
	_, _ = h.Write(buf)
	return hex.EncodeToString(h.Sum(nil))
}

// versionsOf gives a checksum of the versions that libraries record of themselves
// (META-INF/maven/group/artefact/pom.properties), those of the project's own groups
// aside: it tells an edit of the project from one of a library's version.
func versionsOf(app []entry, r Rule) string {
	h := sha256.New()
	for _, e := range app {
		rest, ok := strings.CutPrefix(e.name, "META-INF/maven/")
		group, _, _ := strings.Cut(rest, "/")
		if !ok || !strings.HasSuffix(rest, "/pom.properties") || r.isOwnGroup(strings.ReplaceAll(group, ".", "/")) {
			continue
		}
		_, _ = io.WriteString(h, e.name)
		_, _ = h.Write(binary.BigEndian.AppendUint32(nil, e.CRC32))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func (r Rule) isOwnGroup(group string) bool {
	return slices.ContainsFunc(r.Roots, func(root string) bool { return within(root, group) || within(group, root) })
}

// changedPackages gives the packages whose content the project has changed since the
// build before, as what is likely to be the project's with them. What is new is not
// told from a new library, and waits for its first change.
func changedPackages(entries []entry, now, before Library) []string {
	if now.Versions != before.Versions {
		return nil
	}
	names := map[uint64]string{}
	for _, x := range hashes(entries) {
		names[x.hash] = entries[x.at].name
	}
	packages := map[string]bool{}
	for i := range clashes(now.Names, before.Names) {
		packages[packageOf(names[index(now.Names).hash(i)])] = true
	}
	if len(packages) > manyPackages {
		return nil
	}
	var all []string
	for p := range packages {
		all = append(all, rootOf(p))
	}
	return all
}
