package jars

import (
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// fewClasses are not worth a library of their own where there are others, and are most
// likely the project's: a JAR with a Class-Path has its libraries beside it.
const fewClasses = 200

// layPlain finds the parts of a JAR that java starts itself: all classes in it, or in
// the libraries that its manifest names.
func layPlain(j *jar, main string) (layout, error) {
	l := layout{kind: "one JAR", main: main, manifest: j.manifest, outer: j.manifest, shaded: true, least: 1, inOneJAR: true, follow: j}
	for _, f := range j.files {
		switch {
		case isManifest(f.Name):
		case path.Ext(f.Name) == ".jar":
			return l, refuse("has JARs in it (%s), which only what loads them knows", short(f.Name))
		default:
			l.app = append(l.app, entry{f.Name, f})
		}
	}
	for _, word := range strings.Fields(j.manifest.value("Class-Path")) {
		b, err := j.beside(j.from.Name, word)
		if err != nil {
			return l, refuse("names %s in its Class-Path, which %v", short(word), err)
		}
		if b.name != j.from.Name && !slices.ContainsFunc(l.places, func(p place) bool { return p.where() == b.name }) {
			l.places = append(l.places, b)
		}
		l.kind, l.least = "one JAR with a Class-Path", fewClasses
	}
	return l, nil
}

// beside finds what a word of a Class-Path names, which is a URL relative to the JAR
// that has it. The error's words follow the word.
func (j *jar) beside(of, word string) (beside, error) {
	u, err := url.Parse(word)
	if err != nil {
		return beside{}, notBeside("is no URL")
	}
	if u.IsAbs() || u.Host != "" || strings.HasPrefix(u.Path, "/") {
		return beside{}, notBeside("is not relative to it")
	}
	if strings.HasSuffix(u.Path, "/") {
		return beside{}, notBeside("is a folder, whose files may change")
	}
	name := path.Join(path.Dir(of), u.Path)
	if !fs.ValidPath(name) {
		return beside{}, notBeside("is outside of the artefacts")
	}
	info, err := j.root.Stat(filepath.FromSlash(name))
	switch {
	case err != nil:
		return beside{}, notBeside("is not among the artefacts")
	case !info.Mode().IsRegular():
		return beside{}, notBeside("is no file")
	}
	b := beside{root: j.root, name: name, bytes: info.Size()}
	if j.from.Sum != nil {
		b.sha256 = j.from.Sum(name)
	}
	return b, nil
}

// notBeside says why a word of a Class-Path names no library.
type notBeside string

func (n notBeside) Error() string { return string(n) }
