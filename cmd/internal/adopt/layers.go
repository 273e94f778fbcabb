package adopt

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// layersOf gives the files of settings in the order in which a program believes
// them: those beside it go before those inside.
func (s *service) layersOf(names ...string) []layer {
	var list []layer
	for _, texts := range [][]text{s.folder.texts, s.runs.settings} {
		for _, name := range names {
			for _, t := range texts {
				if stem := strings.TrimSuffix(path.Base(t.name), path.Ext(t.name)); stem == name {
					list = append(list, layer{text: t})
				}
			}
		}
	}
	return list
}

// each goes over the settings that hold: of a key, those of the first file that has
// it.
func (s *service) each(visit func(t text, set setting)) {
	seen := map[string]string{} // key: file
	for _, l := range s.layers {
		for _, set := range l.settings {
			key := relaxed(set.key)
			if file, ok := seen[key]; ok && file != l.name || l.reads != nil && !l.reads(set.part) {
				continue
			}
			seen[key] = l.name
			set.value = resolve(set.value, s.variable)
			visit(l.text, set)
		}
	}
}

// get gives the value of the first of the keys that is set: by the command line, by
// the environment, by a file; and the comment that says by which.
func (s *service) get(keys ...string) (value, note string) {
	for _, key := range keys {
		option := regexp.MustCompile(`(?:^|\s)(?:-D|--)` + regexp.QuoteMeta(key) + `=["']?([^\s"']+)`)
		if m := option.FindStringSubmatch(s.exec.value); m != nil {
			return m[1], "as its command says"
		}
		variable := strings.ToUpper(strings.NewReplacer(".", "_", "-", "").Replace(key))
		if v := s.variable(variable); v != "" {
			return v, "as " + variable + " says"
		}
		s.each(func(t text, set setting) {
			if value == "" && relaxed(set.key) == relaxed(key) {
				value, note = set.value, fmt.Sprintf("as in %s:%d", t.name, set.line)
			}
		})
		if value != "" {
			return value, note
		}
	}
	return "", ""
}

// enabled says whether a key is set to true.
func (s *service) enabled(key string) bool {
	value, _ := s.get(key)
	return value == "true"
}
