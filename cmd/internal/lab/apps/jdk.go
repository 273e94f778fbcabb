package apps

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// NoJDKError says that no JDK here is new enough to build an application.
type NoJDKError struct {
	Name string
	Java int
}

func (e NoJDKError) Error() string {
	return fmt.Sprintf("%s is built by a JDK of version %d or newer, and none lies below %s", e.Name, e.Java, jdks)
}

// jdks is where JDKs lie on Debian.
const jdks = "/usr/lib/jvm"

// newer are the applications that the JDK of Debian 12 does not build.
var newer = map[string]int{"helidon": 21}

// javaHome gives the JDK that builds the application: the environment's, or the first
// in a folder that is new enough where the application needs a newer one.
func (a Application) javaHome(folder string) (string, error) {
	least, special := newer[a.Name]
	if !special {
		return os.Getenv("JAVA_HOME"), nil
	}
	releases, err := filepath.Glob(filepath.Join(folder, "*", "release"))
	if err != nil {
		return "", err
	}
	for _, file := range releases {
		home := filepath.Dir(file)
		if _, err := os.Stat(filepath.Join(home, "bin/javac")); err == nil && version(file) >= least {
			return home, nil
		}
	}
	return "", NoJDKError{a.Name, least}
}

// version reads the file release of a JDK; 0: it does not say.
func version(release string) int {
	f, err := os.Open(release)
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, found := strings.CutPrefix(lines.Text(), "JAVA_VERSION="); found {
			major, _, _ := strings.Cut(strings.Trim(text, `"`), ".")
			n, _ := strconv.Atoi(major) // of Java 8 it is 1, of what is not a number 0
			return n
		}
	}
	return 0
}
