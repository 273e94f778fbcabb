package jars

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// Rule says which entries of a shaded JAR, and which libraries of another one, a
// project's own builds change. It only ever grows. The zero value knows nothing yet.
type Rule struct {
	// Roots are the packages, each with all below it, that are the project's by the
	// name of the main class: com/example.
	Roots []string `json:"roots,omitempty"`
	// Changed are packages, in the same way, and places of libraries, of which two
	// builds had different content.
	Changed []string `json:"changed,omitempty"`
	// Attributes are those of the manifest, but for versions, of which two builds had
	// different values, as the time of the build: the first JAR of the class path is
	// written without them.
	Attributes []string `json:"attributes,omitempty"`
	// Manifests is how often the rest of the manifest has changed, and Versions how often
	// what it says of versions has: from the second time on that JAR is written without
	// the former, or without both.
	Manifests int `json:"manifests,omitempty"`
	Versions  int `json:"versions,omitempty"`
}

// manyPackages is of how many packages of a shaded JAR an edit is no longer taken for
// one of the project, but for one of the versions of its libraries.
const manyPackages = 24

// grown gives the rule with more in it, and what was there untouched.
func (r Rule) grown(roots, changed []string) Rule {
	r.Roots, r.Changed = merge(r.Roots, roots), merge(r.Changed, changed)
	return r
}

// revised gives the rule after another manifest than that of the build before.
func (r Rule) revised(before string, now manifest) Rule {
	if before == "" || before == string(now.bytes()) {
		return r
	}
	old := parseManifest(before)
	r.Attributes = merge(r.Attributes, differing(old[0], now[0]))
	if bytes.Equal(old.without(r.Attributes...).bytes(), now.without(r.Attributes...).bytes()) {
		return r
	}
	r.Manifests++
	if old = old.ofPackages(true); !bytes.Equal(old.bytes(), now.ofPackages(true).bytes()) {
		r.Versions++
	}
	return r
}

// forLibraries gives the manifest of a JAR of the application's entries that comes
// first on the class path, where a program that looks for its manifest finds it: all
// that stays the same from build to build, and decides what the JAR is.
func (r Rule) forLibraries(m manifest) manifest {
	if r.Manifests < 2 {
		return m.without(r.Attributes...)
	}
	return m.ofPackages(r.Versions < 2)
}

func merge(old, more []string) []string {
	all := slices.Concat(old, more)
	slices.Sort(all)
	return slices.Compact(all)
}

// changes says whether a library at this place is the project's own.
func (r Rule) changes(place string) bool { return slices.Contains(r.Changed, place) }

// rootOf gives the packages that are most likely of the same project as this one: all
// that have its first two names in common, three below a name that is everybody's
// (com.github, uk.co), one if that is no domain (petclinic.web). Where libraries
// share these, as below org.springframework, the package itself, and what is below.
func rootOf(pack string) string {
	if slices.ContainsFunc(shared, func(s string) bool { return within(pack, s) }) {
		return pack
	}
	parts := strings.Split(pack, "/")
	n := 2
	switch {
	case len(parts[0]) > 3 && !slices.Contains(domains, parts[0]):
		n = 1
	case len(parts) > 2 && slices.Contains(hosts, parts[1]):
		n = 3
	}
	return strings.Join(parts[:min(n, len(parts))], "/")
}

// within says whether a path is another one or below it.
func within(name, dir string) bool {
	return strings.HasPrefix(name, dir) && (len(name) == len(dir) || name[len(dir)] == '/')
}

// packageOf gives the folder in which an entry has its effect, "" for the root: of what
// is for some releases of Java, the one of the other.
func packageOf(name string) string {
	if rest, ok := strings.CutPrefix(name, versions); ok {
		if _, rest, ok := strings.Cut(rest, "/"); ok {
			name = rest
		}
	}
	return strings.TrimSuffix(path.Dir("/" + name)[1:], "/")
}

// domains are first names of packages that are longer than three letters and yet
// everybody's; hosts are such second names.
var (
	domains = []string{"info", "name", "tech", "cloud", "software", "systems", "online", "coop", "aero", "mobi", "jobs", "museum", "travel"}
	hosts   = []string{"co", "com", "org", "net", "gov", "gob", "ac", "edu", "github", "gitlab", "bitbucket", "sourceforge", "googlecode"}
)

// shared are packages that many libraries are below.
var shared = []string{
	"META-INF", "akka", "android", "antlr", "aopalliance", "ch/qos", "clojure", "co/elastic", "co/touchlab",
	"com/amazonaws", "com/azure", "com/carrotsearch", "com/codahale", "com/datastax", "com/fasterxml", "com/google", "com/h3xstream",
	"com/hazelcast", "com/ibm", "com/jayway", "com/lmax", "com/microsoft", "com/mongodb", "com/mysql", "com/netflix", "com/ongres",
	"com/oracle", "com/rabbitmq", "com/squareup", "com/sun", "com/typesafe", "com/vaadin", "com/zaxxer",
	"freemarker", "graphql", "groovy", "io/activej", "io/confluent", "io/dropwizard", "io/grpc", "io/helidon", "io/jaegertracing",
	"io/javalin", "io/jsonwebtoken", "io/ktor", "io/lettuce", "io/micrometer", "io/micronaut", "io/netty", "io/opencensus",
	"io/opentelemetry", "io/opentracing", "io/perfmark", "io/projectreactor", "io/prometheus", "io/quarkus", "io/r2dbc", "io/reactivex",
	"io/rsocket", "io/smallrye", "io/swagger", "io/undertow", "io/vertx", "io/zipkin",
	"jakarta", "javassist", "javax", "joptsimple", "junit", "kotlin", "kotlinx", "liquibase", "lombok",
	"net/bytebuddy", "net/minidev", "net/sf", "net/sourceforge", "nu/xom", "ognl", "okhttp3", "okio", "oracle", "oshi",
	"org/antlr", "org/apache", "org/aspectj", "org/bouncycastle", "org/bson", "org/checkerframework", "org/codehaus", "org/conscrypt",
	"org/eclipse", "org/elasticsearch", "org/flywaydb", "org/glassfish", "org/h2", "org/hamcrest", "org/hdrhistogram", "org/hibernate",
	"org/hsqldb", "org/http4s", "org/infinispan", "org/intellij", "org/javassist", "org/jboss", "org/jcp", "org/jdbi", "org/jetbrains",
	"org/joda", "org/jooq", "org/json", "org/jspecify", "org/jvnet", "org/kohsuke", "org/latencyutils", "org/mariadb", "org/mongodb",
	"org/mozilla", "org/objectweb", "org/objenesis", "org/opensearch", "org/osgi", "org/postgresql", "org/quartz", "org/reactivestreams",
	"org/reflections", "org/rocksdb", "org/scala", "org/slf4j", "org/springdoc", "org/springframework", "org/sqlite", "org/thymeleaf",
	"org/w3c", "org/wildfly", "org/xerial", "org/xml", "org/xnio", "org/yaml", "play", "reactor", "redis", "retrofit2", "rx", "scala",
	"software/amazon", "sun", "zipkin2",
}
