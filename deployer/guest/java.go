package guest

import "slices"

// Where JDKs and JREs are: of Debian and Temurin's packages, of images, unpacked by
// hand, and by SDKMAN.
var javaHomes = []string{
	"/usr/lib/jvm/*", "/usr/java/*", "/usr/local/*", "/opt/*", "/opt/*/*", "/root/.sdkman/candidates/java/*",
}

// Where they keep their security properties: from Java 9 on, a JRE 8, a JDK 8.
var javaSecurity = []string{"/conf/security/java.security", "/lib/security/java.security", "/jre/lib/security/java.security"}

// A JVM keeps a name that it has looked up for 30 s, and one that it has not found for
// 10 s, while names move within one. Both times are security properties, which no
// option sets, and a later line counts. To point to a file of our own by the
// environment would do, but each JVM prints that, and start scripts that read what
// java -version prints would not know it any more.
const lookUpAgain = `
# Names of services move. Written by jarloop.
networkaddress.cache.ttl=1
networkaddress.cache.negative.ttl=0
`

// Java gives the files by which the JVMs of a root look names up again soon.
func (r *Root) Java() []File {
	var files []File
	for _, home := range javaHomes {
		for _, place := range javaSecurity {
			found, _ := r.Glob(home + place) // the patterns are well-formed
			for _, name := range found {
				if properties, err := r.ReadFile(name); err == nil {
					files = append(files, text(name, string(slices.Concat(properties, []byte(lookUpAgain)))))
				}
			}
		}
	}
	return files
}
