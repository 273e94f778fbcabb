package jars

import (
	"bytes"
	"slices"
	"strings"
)

// manifest is META-INF/MANIFEST.MF: the main section, which is always there, and
// those of single entries.
// Attributes that nobody drops are written as they were read.
type manifest []section

type section []attribute

type attribute struct {
	name, value string
	text        string // its lines, as they are
}

// parseManifest splits a manifest into its attributes. Lines end in CR, LF or both, a
// line that begins with a space continues the one before, and an empty line ends a
// section (JAR File Specification, "Name-Value pairs and Sections").
func parseManifest(text string) manifest {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(text, "\uFEFF"))
	m := manifest{nil}
	for line := range strings.SplitAfterSeq(text, "\n") {
		last := &m[len(m)-1]
		name, value, found := strings.Cut(line, ":")
		switch {
		case strings.TrimRight(line, "\n") == "":
			// Several empty lines separate sections as one does.
			if len(*last) > 0 || len(m) == 1 {
				m = append(m, nil)
			}
		case line[0] == ' ' && len(*last) > 0:
			a := &(*last)[len(*last)-1]
			a.value += strings.TrimSuffix(line[1:], "\n")
			a.text += line
		case found:
			*last = append(*last, attribute{name, strings.TrimSuffix(strings.TrimPrefix(value, " "), "\n"), line})
		}
	}
	if last := len(m) - 1; last > 0 && len(m[last]) == 0 {
		m = m[:last]
	}
	return m
}

// value gives an attribute of the main section, "" if there is none.
func (m manifest) value(name string) string { return m[0].value(name) }

// value gives an attribute; of two by one name Java takes the last.
func (s section) value(name string) string {
	for _, a := range slices.Backward(s) {
		if strings.EqualFold(a.name, name) {
			return strings.TrimSpace(a.value)
		}
	}
	return ""
}

// isTrue says whether an attribute is true in some section.
func (m manifest) isTrue(name string) bool {
	return slices.ContainsFunc(m, func(s section) bool { return strings.EqualFold(s.value(name), "true") })
}

// without gives the manifest without some attributes of its main section.
func (m manifest) without(names ...string) manifest {
	left := slices.Clone(m)
	left[0] = left[0].keep(func(name string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
	})
	return left
}

// differing gives the attributes that two sections have other values of, but for those
// that decide something.
func differing(a, b section) (names []string) {
	for _, x := range slices.Concat(a, b) {
		if a.value(x.name) != b.value(x.name) && !decides(x.name) {
			names = append(names, strings.ToLower(x.name))
		}
	}
	return names
}

// decides says whether an attribute is one that Java itself reads of a library.
func decides(name string) bool {
	name = strings.ToLower(name)
	return name == "manifest-version" || name == "multi-release" || isOfVersions(name)
}

// isOfVersions says whether an attribute, in small letters, is what java.lang.Package gives.
func isOfVersions(name string) bool {
	return strings.HasPrefix(name, "implementation-") || strings.HasPrefix(name, "specification-")
}

func (s section) keep(wanted func(name string) bool) section {
	return slices.DeleteFunc(slices.Clone(s), func(a attribute) bool { return !wanted(a.name) })
}

// ofPackages gives what the manifest says of packages, of all or of single ones: the
// versions that java.lang.Package gives, and whether there are classes for several
// releases of Java. Where not versions, the latter alone.
func (m manifest) ofPackages(versions bool) manifest {
	wanted := func(name string) bool {
		return versions && isOfVersions(strings.ToLower(name))
	}
	kept := manifest{m[0].keep(func(name string) bool {
		return strings.EqualFold(name, "Manifest-Version") || strings.EqualFold(name, "Multi-Release") || wanted(name)
	})}
	for _, s := range m[1:] {
		if !strings.HasSuffix(s.value("Name"), "/") {
			continue
		}
		of := s.keep(func(name string) bool { return strings.EqualFold(name, "Name") || wanted(name) })
		if len(of) > 1 {
			kept = append(kept, of)
		}
	}
	return kept
}

// bytes gives the manifest's text. Its first attribute has to be its version, without
// which Java ignores the rest.
func (m manifest) bytes() []byte {
	var b bytes.Buffer
	if m.value("Manifest-Version") == "" {
		b.WriteString("Manifest-Version: 1.0\n")
	}
	for _, s := range m {
		for _, a := range s {
			b.WriteString(strings.TrimSuffix(a.text, "\n") + "\n")
		}
		b.WriteString("\n")
	}
	return b.Bytes()
}
