package adopt

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"
)

// mostClasses bounds how many classes are looked at.
const mostClasses = 500

// manifestPath is where a JAR that was unpacked has its manifest.
const manifestPath = "META-INF/MANIFEST.MF"

// findClasses finds how a folder of classes is run: by the manifest of an archive that
// was unpacked, else by the only class with a main method. Where there are none or
// several that is not known.
func findClasses(root *os.Root, f *folder) classes {
	found := searchClasses(root, f)
	if text, err := readText(root, path.Join(f.name, manifestPath)); err == nil {
		for _, set := range parseProperties(text) {
			if set.key == "Main-Class" {
				return classes{[]string{""}, set.value, "as its manifest says", found.java}
			}
		}
	}
	return found
}

// searchClasses looks into the classes themselves.
func searchClasses(root *os.Root, f *folder) classes {
	at := ""
	if slices.ContainsFunc(f.files, func(name string) bool { return strings.HasPrefix(name, "classes/") }) {
		at = "classes"
	}
	found := classes{roots: []string{at}}
	looked, runnable := 0, 0
	for _, file := range f.files {
		if path.Ext(file) != ".class" || !within(file, at) && at != "" || strings.HasPrefix(file, newerClasses) || looked >= mostClasses {
			continue
		}
		looked++
		content, err := readText(root, path.Join(f.name, file))
		if err != nil {
			continue
		}
		found.java = max(found.java, javaOfClass([]byte(content[:min(8, len(content))])))
		if hasMain(content) {
			runnable++
			found.main = strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(file, at+"/"), ".class"), "/", ".")
		}
	}
	switch {
	case looked == 0:
		return classes{}
	case runnable > 1:
		return classes{roots: found.roots, note: "several classes have a main method", java: found.java}
	case runnable == 1:
		found.note = guessed + "the only class with a main method"
	}
	if slices.ContainsFunc(f.files, func(name string) bool { return path.Dir(name) == "lib" && path.Ext(name) == ".jar" }) {
		found.roots = append(found.roots, "lib/*")
	}
	return found
}

// hasMain says whether a class has the names of what a JVM starts among its constants.
func hasMain(class string) bool {
	return strings.HasPrefix(class, "\xCA\xFE\xBA\xBE") && strings.Contains(class, "\x00\x04main\x01") && strings.Contains(class, "([Ljava/lang/String;)V")
}

// command runs the classes, which are in target.
func (c classes) command(target string) string {
	var list []string
	for _, at := range c.roots {
		list = append(list, path.Join(target, at))
	}
	return fmt.Sprintf("java -cp %s %s", shellescape.Quote(strings.Join(list, ":")), shellescape.Quote(c.main))
}
