package jars

// Known is what the last Split of a service's JAR knew. The zero value is that of a JAR
// which has never been seen. It can be written as JSON.
type Known struct {
	Rule      Rule      `json:"rule"`
	Libraries []Library `json:"libraries,omitempty"`
	Manifest  string    `json:"manifest,omitempty"` // of the JAR
}

// byPlace gives what finds a library that is known and the same still.
func (k Known) byPlace() func(place) (Library, bool) {
	places := make(map[string]Library, len(k.Libraries))
	for _, lib := range k.Libraries {
		if lib.Place != "" {
			places[lib.Place] = lib
		}
	}
	return func(p place) (Library, bool) {
		lib, ok := places[p.where()]
		return lib, ok && lib.Sum == p.sum() && lib.Size == p.size()
	}
}

// replaced gives the places at which there was another library in the build before: by
// the same name, so it is no other version of one, but of the project itself.
func (k Known) replaced(libraries []Library) []string {
	before := map[string]string{}
	for _, lib := range k.Libraries {
		before[lib.Place] = lib.Name
	}
	var all []string
	for _, lib := range libraries {
		if name, ok := before[lib.Place]; ok && name != lib.Name && lib.Place != "" {
			all = append(all, lib.Place)
		}
	}
	return all
}

// shaded finds the library that was put together of entries.
func (k Known) shaded() Library {
	for _, lib := range k.Libraries {
		if lib.Versions != "" {
			return lib
		}
	}
	return Library{}
}
