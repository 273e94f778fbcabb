package adopt

import (
	"slices"
	"strings"
)

// oldOptions let programs of the time before Java 9 run on a later one: libraries of
// that time look into java.lang, which is closed since Java 16, and find JAXB and the
// Activation Framework in every Java, of which they are no part since Java 11.
const (
	oldOptions = "--add-opens=java.base/java.lang=ALL-UNNAMED -Xbootclasspath/a:" + jaxb
	jaxb       = "/usr/share/java/jaxb-api.jar:/usr/share/java/javax.activation.jar"
	jaxbDebian = "libjaxb-api-java" // which brings the other
)

// fromOldJava runs what was built for a Java that no release has any more.
func fromOldJava(s *service) {
	old := s.java < 8 || s.uses("Dropwizard") || strings.HasPrefix(s.runs.boot, "1.")
	if s.java == 0 || s.java > 8 || !old || s.variable("JDK_JAVA_OPTIONS") != "" {
		return
	}
	s.env = append(s.env, variable{name: "JDK_JAVA_OPTIONS", value: oldOptions, note: guessed + "built for a Java before 9, which left open what is closed now, and had JAXB"})
	if !slices.Contains(s.packages, jaxbDebian) {
		s.packages = append(s.packages, jaxbDebian)
	}
}
