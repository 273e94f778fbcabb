package jars

import (
	"slices"
	"strings"

	"github.com/jarloop/jarloop/watcher"
)

// layOneJAR finds the parts of a one-jar JAR: the libraries are all that is below lib,
// and the application is the JAR below main. What is outside of these the JVM's own
// class loader finds, before all others.
func layOneJAR(j *jar) (layout, error) {
	l := layout{kind: "one-jar", main: mainClass(j.manifest.value("One-Jar-Main-Class")), outer: j.manifest, oldJava: true}
	for _, a := range j.manifest[0] {
		if name := strings.ToLower(a.name); strings.HasPrefix(name, "one-jar-") && name != "one-jar-main-class" || name == "boot-class" {
			return l, refuse("has settings of its launcher in its manifest (%s)", short(a.name))
		}
	}
	var mains []nested
	var outside []entry
	for _, f := range j.files {
		in := func(dir string) bool { return strings.HasPrefix(f.Name, dir) }
		folder := strings.HasSuffix(f.Name, "/")
		switch {
		case in("binlib/") || in("wrap/") || in("unpack") || f.Name == "one-jar.properties":
			return l, refuse("has what its launcher alone can handle (%s)", short(f.Name))
		case isManifest(f.Name) || isOneJARs(f.Name) || folder && (in("lib/") || in("main/")):
		case in("lib/"):
			l.places = append(l.places, nested{f, j.file})
		case in("main/"):
			mains = append(mains, nested{f, j.file})
		default:
			outside = append(outside, entry{f.Name, f})
		}
	}
	if len(mains) != 1 {
		return l, refuse("has %d JARs below main/, of which one is the application", len(mains))
	}
	if err := l.addMain(mains[0]); err != nil {
		return l, err
	}
	l.app = append(withoutEmpty(outside), l.app...)
	return l, nil
}

// addMain takes the application's own JAR apart.
func (l *layout) addMain(main nested) error {
	// It stays in memory, or in the JAR, which has an owner of its own.
	r, _, err := main.at()
	if err != nil {
		return err
	}
	z, err := watcher.OpenJAR(r, main.size())
	if err != nil {
		return refuse("has a JAR, %s, that %s", short(main.Name), err)
	}
	if l.manifest, err = readManifest(z.File); err != nil {
		return err
	}
	if err := sound(z.File, l.manifest); err != nil {
		return err
	}
	if l.main == "" {
		l.main = mainClass(l.manifest.value("Main-Class"))
	}
	for _, f := range z.File {
		if !isManifest(f.Name) {
			l.app = append(l.app, entry{f.Name, f})
		}
	}
	// one-jar looks at no classes for some releases of Java alone.
	l.manifest = l.manifest.without("Multi-Release")
	return nil
}

// isOneJARs says whether an entry is of the launcher.
func isOneJARs(name string) bool {
	return strings.HasPrefix(name, "com/simontuffs/") || strings.HasPrefix(name, "src/com/simontuffs/") ||
		slices.Contains([]string{".version", "boot-manifest.mf", "OneJar.class", "src/OneJar.java", "doc/one-jar-license.txt"}, name)
}
