package watcher

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// What a service's command runs, among its files. This is the one place that
// chooses, for the check of a set as for the command that is made of it.

// quarkus is where Quarkus puts what java -jar runs, below a build's folder.
const quarkus = "quarkus-app/quarkus-run.jar"

// candidates gives the files of which the command runs one, see Service.Runs.
func candidates(runs string, names []string) []string {
	in := func(ok func(name string) bool) []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !ok(n) })
	}
	if runs != "*" {
		return in(func(n string) bool { return matches(runs, n) })
	}
	all := in(func(n string) bool {
		return isAny(n, ".jar", ".war") && !strings.Contains(n, "/") || n == quarkus
	})
	if len(all) == 0 && slices.ContainsFunc(names, func(n string) bool { return path.Dir(n) == "lib" && isJAR(n) }) {
		// The layout of Gradle's installDist, and of Maven's appassembler.
		all = in(func(n string) bool { return path.Dir(n) == "bin" && !isAny(n, ".bat", ".cmd", ".ps1") })
	}
	return all
}

// Main gives the file of a set that its command runs, "" if runs, the service's
// Runs, is none: of several the one with a Main-Class, and of two with one that with
// its libraries in it. Words of an error are for a person.
func (s Set) Main(runs string) (string, error) {
	var able, shown []string
	names := s.names()
	all := candidates(runs, names)
	switch {
	case runs == "":
		return "", nil
	case len(all) == 0:
		return "", errors.New(lacking(runs, names))
	case len(all) == 1:
		return all[0], nil
	}
	for _, name := range all {
		shown = append(shown, show(name))
		j, err := readJAR(filepath.Join(s.Dir, filepath.FromSlash(name)))
		if err != nil {
			return "", err
		}
		if j.MainClass != "" {
			able = append(able, name)
		}
	}
	switch list := strings.Join(shown[:min(5, len(shown))], ", "); len(able) {
	case 0:
		return "", fmt.Errorf("none of %s %s; set it in the build, or say in exec what to run", list, strings.Replace(noMain, "no", "a", 1))
	case 1:
		return able[0], nil
	default:
		if main := Bundled(able); main != "" {
			return main, nil
		}
		return "", fmt.Errorf("there are %d JARs with a Main-Class among %s; remove what is old, or say in exec which one to run", len(able), list)
	}
}

// bundles are the ends of names that builds give to the archive with all libraries in
// it, where the one without keeps its name: Gradle's shadow, Maven's shade and
// assembly, Quarkus and Spring Boot with a classifier.
var bundles = []string{"-all", "-fat", "-uber", "-shaded", "-standalone", "-jar-with-dependencies", "-with-dependencies", "-runner", "-exec", "-boot"}

// Bundled gives, of the names of a program with its libraries and of the same without,
// the first, "" where they are anything else.
func Bundled(able []string) string {
	if len(able) != 2 {
		return ""
	}
	for i, name := range able {
		ext := path.Ext(name)
		thin := strings.TrimSuffix(able[1-i], path.Ext(able[1-i]))
		if end, ok := strings.CutPrefix(strings.TrimSuffix(name, ext), thin); ok && slices.Contains(bundles, end) {
			return name
		}
	}
	return ""
}

func readJAR(name string) (JAR, error) {
	f, err := os.Open(name)
	if err != nil {
		return JAR{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return JAR{}, err
	}
	j, err := ReadJAR(f, info.Size())
	if err != nil && !notAboutIt(err) {
		err = fmt.Errorf("%s %w", show(filepath.Base(name)), err)
	}
	return j, err
}

// lacking says what the command needs and is not among the names, "" if all of
// it is.
func lacking(runs string, names []string, parts ...string) string {
	needs := slices.Clone(parts)
	if runs != "" && runs != "*" {
		needs = append([]string{runs}, parts...)
	} else if runs == "*" && len(candidates(runs, names)) == 0 {
		return "there is no JAR or WAR at the top of the folder; build it, or say in exec what to run" + thereIs(names)
	}
	for _, p := range needs {
		if !slices.ContainsFunc(names, func(n string) bool { return matches(p, n) || strings.HasSuffix(p, "/") && strings.HasPrefix(n, p) }) {
			return fmt.Sprintf("%s is not there, and it is what the command runs; build it, or name the right one in exec%s", show(p), thereIs(names))
		}
	}
	return ""
}

// thereIs lists the archives there are, for a person who has named another.
func thereIs(names []string) string {
	var all []string
	for _, n := range names {
		if IsArchive(n) {
			all = append(all, show(n))
		}
	}
	if len(all) == 0 {
		return ""
	}
	return " (there is: " + strings.Join(all[:min(5, len(all))], ", ") + ")"
}

// programs gives the files that the command may run themselves, not as archives.
func (s Service) programs(names []string) []string {
	all := slices.Clone(s.Parts)
	if s.Runs == "*" {
		all = append(all, candidates(s.Runs, names)...)
	}
	return slices.DeleteFunc(all, IsArchive)
}

// checkProgram finds a native program that is cut short: what its head says of
// the table at its end is not there.
func checkProgram(r io.ReaderAt) error {
	head := make([]byte, len(elf.ELFMAG))
	if _, err := r.ReadAt(head, 0); err != nil || !bytes.Equal(head, []byte(elf.ELFMAG)) {
		return nil // a script, or what only the container knows
	}
	if _, err := elf.NewFile(r); err != nil && !notAboutIt(err) {
		return errors.New("is cut short or still being written (its table of sections is missing); build it again")
	} else if err != nil {
		return err
	}
	return nil
}
