package jars

import (
	"archive/zip"
	"bytes"
	"slices"
	"strings"
)

const bootLoader = "org/springframework/boot/loader/"

// layBoot finds the parts of a JAR or WAR of Spring Boot. Its launcher takes the
// libraries in the order of the entries: classpath.idx is for what is unpacked
// (org.springframework.boot.loader.launch.ExecutableArchiveLauncher). What is outside
// of these folders the JVM's own class loader finds, before all others.
func layBoot(j *jar, kind, classes string, libraries ...string) (layout, error) {
	l := layout{kind: kind, main: mainClass(j.manifest.value("Start-Class")), manifest: j.manifest, outer: j.manifest}
	if l.main == "" {
		return l, refuse("has no Start-Class in its manifest")
	}
	var outside []entry
	for _, f := range j.files {
		in := func(dir string) bool { return strings.HasPrefix(f.Name, dir) }
		switch {
		case isManifest(f.Name) || in(bootLoader):
		case f.Name == classes:
		case in(classes):
			l.app = append(l.app, entry{f.Name[len(classes):], f})
		case slices.ContainsFunc(libraries, in):
			if !strings.HasSuffix(f.Name, "/") {
				l.places = append(l.places, nested{f, j.file})
			}
		default:
			own, err := isBootLoaders(f)
			if err != nil {
				return l, err
			}
			if !own {
				outside = append(outside, entry{f.Name, f})
			}
		}
	}
	outside = withoutEmpty(outside)
	if classes == "WEB-INF/classes/" {
		if i := slices.IndexFunc(outside, func(e entry) bool { return !isOfWAR(e.name) }); i >= 0 {
			return l, refuse("is a WAR with content of its own (%s), which its server finds in the WAR alone", short(outside[i].name))
		}
	}
	l.app = append(outside, l.app...)
	return l, nil
}

// isOfWAR says whether a WAR has an entry outside of its folders for classes that its
// server does not serve, and no part of the program looks for in the WAR.
func isOfWAR(name string) bool {
	return strings.HasSuffix(name, "/") || name == "WEB-INF/classpath.idx" || name == "WEB-INF/layers.idx" ||
		strings.HasPrefix(name, "META-INF/") && (isIdle(name) || isWhole(name))
}

// isBootLoaders says whether an entry registers what the launcher brings along, for
// Java's ServiceLoader.
func isBootLoaders(f *zip.File) (bool, error) {
	if !strings.HasPrefix(f.Name, "META-INF/services/") || strings.HasSuffix(f.Name, "/") {
		return false, nil
	}
	content, err := readEntry(f, maxManifest)
	if err != nil {
		return false, err
	}
	return bytes.HasPrefix(bytes.TrimSpace(content), []byte(strings.ReplaceAll(bootLoader, "/", "."))), nil
}

// withoutEmpty leaves out the folders in which nothing is.
func withoutEmpty(entries []entry) []entry {
	used := folders{}
	for _, e := range entries {
		if !strings.HasSuffix(e.name, "/") {
			used.add(e.name)
		}
	}
	return slices.DeleteFunc(entries, func(e entry) bool { return strings.HasSuffix(e.name, "/") && !used.has(e.name) })
}
