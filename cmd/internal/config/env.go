package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"github.com/jarloop/jarloop/deployer/guest"
)

// Variables are settings for the environment of a process. They may be secrets: no
// error and no event shows a value.
type Variables map[string]string

// Paths are files: one, or a list of them.
type Paths []string

func badEnvFile(name string) string {
	if strings.TrimSpace(name) == "" {
		return "is empty; name a file, or leave it out"
	}
	return ""
}

// from gives the paths from a folder on.
func (p Paths) from(dir string) Paths {
	var all Paths
	for _, name := range p {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		all = append(all, filepath.Clean(name))
	}
	return all
}

// merged gives the variables of all, of which a later one goes before an earlier.
func merged(all ...Variables) map[string]string {
	var sum map[string]string
	for _, some := range all {
		if sum == nil && len(some) > 0 {
			sum = map[string]string{}
		}
		maps.Copy(sum, some)
	}
	return sum
}

// maxValue is how long a variable may be, its name included: MAX_ARG_STRLEN of the
// kernel (execve(2)), less the "=" and the zero at the end.
const maxValue = 128<<10 - 2

// wrongValue says what is wrong with the value of a variable, "" if nothing is.
func wrongValue(name, value string) string {
	if len(name)+len(value) > maxValue {
		return fmt.Sprintf("is longer than the %d KiB that a process can be given; put it into a file", maxValue>>10+1)
	}
	return ""
}

// wrongVariable says what is wrong with the name of a variable, "" if nothing is.
func wrongVariable(name string) string {
	if guest.Variable(name) {
		return ""
	}
	remedy := "use letters, digits and _, as in LOG_LEVEL"
	if upper := strings.ToUpper(strings.NewReplacer(".", "_", "-", "").Replace(name)); guest.Variable(upper) {
		remedy = fmt.Sprintf("Spring and Quarkus read %s for it", upper)
	}
	return fmt.Sprintf("%q is not the name of a variable; %s", name, remedy)
}
