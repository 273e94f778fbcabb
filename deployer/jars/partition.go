package jars

import "strings"

// partition divides the entries of a JAR by a rule. The application's are
//   - all at the root, and below META-INF: what is there is of the whole JAR, but for
//     native libraries, which are large;
//   - resources in folders without a class below their first one: static/, db/;
//   - the packages of the rule, with all below them.
//
// A folder is in each part that has something in it, so that what lists it finds the
// same. What is for some releases of Java is where the other is, since Java looks for it
// there alone.
func partition(entries []entry, r Rule) (app, library []entry) {
	owned := r.packages()
	classes := map[string]bool{}
	for _, e := range entries {
		if strings.HasSuffix(e.name, ".class") {
			classes[first(e.name)] = true
		}
	}
	ours, theirs := folders{}, folders{}
	isOurs := make([]bool, len(entries))
	for i, e := range entries {
		if strings.HasSuffix(e.name, "/") {
			continue
		}
		isOurs[i] = owned.has(e.name, classes)
		if isOurs[i] {
			ours.add(e.name)
		} else {
			theirs.add(e.name)
		}
	}
	library = make([]entry, 0, len(entries))
	for i, e := range entries {
		folder := strings.HasSuffix(e.name, "/")
		used := folder && theirs.has(e.name)
		if folder && (ours.has(e.name) || !used) || !folder && isOurs[i] {
			app = append(app, e)
		}
		if used || !folder && !isOurs[i] {
			library = append(library, e)
		}
	}
	return app, library
}

// first gives the first folder of a name, "" for what is at the root.
func first(name string) string {
	if dir, _, ok := strings.Cut(name, "/"); ok {
		return dir
	}
	return ""
}

// packages are folders that are the project's with all below, by their first names.
type packages map[string][]string

func (r Rule) packages() packages {
	all := packages{}
	for _, list := range [][]string{r.Roots, r.Changed} {
		for _, p := range list {
			all[first(p+"/")] = append(all[first(p+"/")], p)
		}
	}
	return all
}

// has says whether an entry is the application's, where classes are the first folders
// that have some.
func (p packages) has(name string, classes map[string]bool) bool {
	if rest, ok := strings.CutPrefix(name, versions); ok {
		if _, rest, ok := strings.Cut(rest, "/"); ok {
			name = rest
		}
	}
	dir := first(name)
	if dir == "" || dir == "META-INF" && !strings.HasPrefix(name, "META-INF/native/") || dir != "META-INF" && !classes[dir] {
		return true
	}
	for _, own := range p[dir] {
		if within(name, own) {
			return true
		}
	}
	return false
}

// folders are those in which something is. The name of the one looked at last comes
// again for most entries of an archive.
type folders struct {
	all  map[string]bool
	last string
}

// add notes all folders that an entry is in.
func (f *folders) add(name string) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 || name[:i] == f.last {
		return
	}
	if f.last = name[:i]; f.all == nil {
		f.all = map[string]bool{}
	}
	for ; i >= 0 && !f.all[name[:i]]; i = strings.LastIndexByte(name[:i], '/') {
		f.all[name[:i]] = true
	}
}

// has says whether something is in a folder, whose name ends in a slash.
func (f *folders) has(folder string) bool { return f.all[strings.TrimSuffix(folder, "/")] }
