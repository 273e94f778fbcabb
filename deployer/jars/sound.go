package jars

import (
	"archive/zip"
	"slices"
	"strings"
)

// mainClass gives the class of an attribute, in which java allows slashes.
func mainClass(value string) string { return strings.ReplaceAll(value, "/", ".") }

// isClassName says whether java takes a word for a class, and not for an option, a file
// of arguments, or several words.
func isClassName(name string) bool {
	return name != "" && len(name) <= 1000 && !strings.ContainsAny(name[:1], "-@") &&
		!strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c == 0x7f || strings.ContainsRune(`/\:;"'`, c) })
}

// sound refuses what cannot be taken apart, whatever its launcher.
func sound(files []*zip.File, m manifest) error {
	for _, f := range files {
		switch {
		case isSignature(f.Name):
			return refuse("is signed (%s)", short(f.Name))
		case f.Flags&0x1 != 0: // APPNOTE.TXT 4.4.4
			return refuse("is encrypted (entry %s)", short(f.Name))
		case f.Method != zip.Store && f.Method != zip.Deflate:
			return refuse("has an entry that Java cannot read (%s, compression method %d)", short(f.Name), f.Method)
		}
	}
	for _, name := range []string{"Launcher-Agent-Class", "JavaFX-Application-Class"} {
		if m.value(name) != "" {
			return refuse("has %s in its manifest, which counts with java -jar alone", name)
		}
	}
	return nil
}

// options gives the options of java that are the same as attributes which count for
// the JAR after -jar alone. Those of native access came with Java 17, the others with
// Java 9; earlier ones know neither the attributes nor the options.
func options(m manifest) []string {
	var all []string
	for _, a := range []struct{ attribute, option string }{{"Add-Exports", "--add-exports"}, {"Add-Opens", "--add-opens"}} {
		for _, pack := range strings.Fields(m.value(a.attribute)) {
			all = append(all, a.option+"="+pack+"=ALL-UNNAMED")
		}
	}
	if m.value("Enable-Native-Access") == "ALL-UNNAMED" {
		all = append(all, "--enable-native-access=ALL-UNNAMED")
	}
	return slices.Clip(all)
}
