package jars

import (
	"fmt"
	"strconv"
)

// Refused says that a JAR has to be run by java -jar, and why.
type Refused struct {
	// Reason is for a person, and follows the name of the JAR: "is signed".
	Reason string
}

// Error gives the reason.
func (r *Refused) Error() string { return r.Reason }

// ErrNoLibraries says that there is nothing to be gained.
var ErrNoLibraries error = &Refused{"has no libraries but the project's own"}

func refuse(format string, args ...any) error {
	return &Refused{fmt.Sprintf(format, args...)}
}

// short quotes a name out of an archive, which is foreign text of up to 64 KiB.
func short(name string) string {
	if len(name) > 100 {
		name = name[:100] + "…"
	}
	return strconv.QuoteToASCII(name)
}
