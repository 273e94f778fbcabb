package deployer

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// knownError is what programs print before they end, and what can be done about it in
// the configuration. remedy gives "" where a line that matches is of something else.
type knownError struct {
	pattern *regexp.Regexp
	remedy  func(s Service, found []string) string
}

// knownErrors are texts of JVMs, and of what most programs use, that do not say what has
// to be done about them here. Of one line the first that matches counts.
var knownErrors = []knownError{
	{ // ClassFileParser of HotSpot; 44 is before Java 1, see JVMS 4.1
		regexp.MustCompile(`class file version (\d+)\.\d+\), this version of the Java Runtime only recognizes class file versions up to (\d+)`),
		func(_ Service, found []string) string {
			built, has := javaOf(found[1]), javaOf(found[2])
			return fmt.Sprintf("it was built for Java %d, and its base has Java %d: have the base install %s, of a distribution that has it, or build for Java %d", built, has, runtimeOf(built), has)
		},
	},
	{
		regexp.MustCompile(`Unable to access jarfile (\S+)`),
		func(s Service, found []string) string {
			return fmt.Sprintf("there is no %s in the container: its artefacts are in %s", found[1], s.Target)
		},
	},
	{
		regexp.MustCompile(`Could not find or load main class (\S+)`),
		func(s Service, found []string) string {
			return fmt.Sprintf("the class path of its command has no class %s: its artefacts are in %s", found[1], s.Target)
		},
	},
	{ // of Java, Python and C by getaddrinfo(3); of PostgreSQL, nginx, Go, Node.js and curl
		regexp.MustCompile(`UnknownHostException: (?:Failed to resolve ')?([\w.-]+)|could not translate host name "([\w.-]+)"|host not found in [\w ]+"([\w.-]+)|lookup ([\w.-]+)(?: on \S+)?: (?:no such host|server misbehaving|Temporary failure)|getaddrinfo (?:ENOTFOUND|EAI_AGAIN) ([\w.-]+)|Could not resolve host: ([\w.-]+)`),
		unknownHost,
	},
	{ // an address of its own container, where nothing listens
		regexp.MustCompile(`(?i)\b(?:localhost|127\.0\.0\.1|\[::1\])(?:/\S*?)?:(\d+)\)?(?: \[[^\]]*\])?(?: failed)?:?(?: connect:)?(?: connection)? (?:refused|could not be established)|refused:? /?(?:localhost|127\.0\.0\.1|\[::1\])\S*?:(\d+)`),
		func(s Service, found []string) string {
			port := cmp.Or(found[1:]...)
			if port == strconv.Itoa(int(s.Port)) {
				return ""
			}
			return fmt.Sprintf("nothing listens on port %s of its own container, which is what localhost is there: ask a service by its name, which is in needs, and what is elsewhere by that of an [external.NAME]", port)
		},
	},
	{ // a service, or what an external leads to
		regexp.MustCompile(`Connection to ([\w-]+):\d+ refused|connection to server at "([\w-]+)" \([^)]*\), port \d+ failed: Connection refused|` +
			`Connect to (?:\w+://)?([\w-]+):\d+ (?:\[[^\]]*\] )?failed: Connection refused|refused: ([\w-]+)/[\d.]+:\d+|` +
			`Connection to node \S+ \(([\w-]+)/\S+\) could not be established|Unable to connect to \[?([\w-]+)[/:]`),
		refusedBy,
	},
	{ // of H2, HSQLDB, Derby, SQLite, Lucene and RocksDB
		regexp.MustCompile(`Database may be already in use|Database lock acquisition failure|Another instance of Derby may have already booted|SQLITE_BUSY|database is locked|LockObtainFailedException|While lock file: .*LOCK`),
		func(s Service, _ []string) string {
			if s.Replace == Overlap && len(s.Data) > 0 {
				return `another process has its files open, as the old container has with replace = "overlap": replace = "stop-first"`
			}
			return "another process in its container has its files open: does its command start it twice?"
		},
	},
	{
		regexp.MustCompile(`(?i)AccessDeniedException: (/\S+)|(?:FileNotFoundException: |FileSystemException: |open |cannot create (?:directory )?['"‘]?|touch: |mkdir: )(/[^\s'":’]+)['"’]?:? ?\(?:?.*Permission denied`),
		deniedAt,
	},
	{
		regexp.MustCompile(`Could not resolve placeholder '([A-Za-z_][\w.-]*)'|SRCFG00014: The config property ([\w."-]+) is required|environment variable '(\w+)' is not defined|(\w+): (?:unbound variable|parameter not set)`),
		func(_ Service, found []string) string {
			return fmt.Sprintf("its setting %s is missing: env = { %s = … } in its table, or a line of its env_file", cmp.Or(found[1:]...), variable(cmp.Or(found[1:]...)))
		},
	},
	{ // DataSourceBeanCreationFailureAnalyzer of Spring Boot
		regexp.MustCompile(`Failed to configure a DataSource: 'url' attribute is not specified`),
		func(Service, []string) string {
			return `it has a database and no address of one: env = { SPRING_DATASOURCE_URL = "jdbc:…" } in its table; jarloop init --with postgresql has what one needs`
		},
	},
	{
		regexp.MustCompile(`NoClassDefFoundError: javax/(?:xml/bind|activation)|ClassNotFoundException: javax\.(?:xml\.bind|activation)`),
		func(Service, []string) string {
			return `it is from the time when Java had JAXB and javax.activation: packages = ["libjaxb-api-java"] in its base and env = { JDK_JAVA_OPTIONS = "-Xbootclasspath/a:/usr/share/java/jaxb-api.jar:/usr/share/java/javax.activation.jar" }`
		},
	},
	{
		regexp.MustCompile(`NoClassDefFoundError: ([\w.$/]+)$`),
		func(_ Service, found []string) string {
			return fmt.Sprintf("the class %s is not in what runs: have the build make a JAR with its libraries in it (Gradle's shadow or bootJar, Maven's shade or spring-boot:repackage), or take the folder lib along that its Class-Path names", strings.ReplaceAll(found[1], "/", "."))
		},
	},
	{ // of ld.so(8), and of musl's
		regexp.MustCompile(`(?:error while loading shared libraries: |Error loading shared library |UnsatisfiedLinkError:.*?: )([\w.+-]+\.so[\w.]*): (?:cannot open shared object file|No such file)`),
		func(_ Service, found []string) string {
			return fmt.Sprintf("it needs %s, which is not in the container: packages of its base need the one that has it", found[1])
		},
	},
	{
		regexp.MustCompile("version [`']GLIBC_([\\d.]+)' not found"),
		func(_ Service, found []string) string {
			return fmt.Sprintf("it was built on a newer distribution than that of its base, with glibc %s: a newer base, or build it on an older one", found[1])
		},
	},
	{
		regexp.MustCompile(`module (\S+) does not "opens (\S+)" to`),
		func(_ Service, found []string) string {
			return fmt.Sprintf(`it looks into what is closed since Java 16: env = { JDK_JAVA_OPTIONS = "--add-opens=%s/%s=ALL-UNNAMED" }`, found[1], found[2])
		},
	},
	{
		regexp.MustCompile(`OutOfMemoryError: (?:Java heap space|GC overhead limit exceeded)`),
		func(Service, []string) string {
			return "its heap is full, which is a quarter of the memory that a JVM sees unless its command has -Xmx or -XX:MaxRAMPercentage: give it more, and a higher memory where that is set"
		},
	},
	{
		regexp.MustCompile(`Could not reserve enough space for|insufficient memory for the Java Runtime Environment`),
		func(s Service, _ []string) string {
			if s.Memory == 0 {
				return "the JVM wants more memory than the machine has: a lower -Xmx"
			}
			return "the JVM wants more than memory allows it: a lower -Xmx, or a higher memory"
		},
	},
	{
		regexp.MustCompile(`(?i)Address already in use|Port (\d+) was already in use`),
		func(Service, []string) string {
			return `something else in its container listens there: a program that the base starts by itself stays off by run = ["systemctl mask NAME"] in the base`
		},
	},
	{
		regexp.MustCompile(`Cannot assign requested address`),
		func(Service, []string) string {
			return "it wants to listen on an address that its container has not: have it listen on 0.0.0.0"
		},
	},
}

// explained says why a service has not come up, or has ended, with what can be done. One
// that was killed has not printed why.
func explained(s Service, err error, tail []string) string {
	why, exit := cause(s, tail), (*ExitError)(nil)
	switch ended := errors.As(err, &exit); {
	case ended && !exit.Exited:
		return oneLine(err)
	case ended && exit.Status == 0 && !strings.Contains(err.Error(), foreground):
		why = foreground
	}
	if why == "" {
		return oneLine(err)
	}
	between := ": "
	if strings.Contains(err.Error(), "; ") { // there are other things to look at
		between = "; "
	}
	return oneLine(err) + between + why
}

// cause finds in what a program has printed last what to do about its end; "" where
// that is not known. What comes last is nearest to it, as below a "Caused by:".
func cause(s Service, tail []string) string {
	for _, line := range slices.Backward(tail) {
		for _, o := range knownErrors {
			if found := o.pattern.FindStringSubmatch(line); found != nil {
				if why := o.remedy(s, found); why != "" {
					return why
				}
				break
			}
		}
	}
	return ""
}

// unknownHost says how a name becomes known in a container.
func unknownHost(s Service, found []string) string {
	name := strings.TrimSuffix(cmp.Or(found[1:]...), ":")
	if slices.Contains(s.Needs, name) || slices.Contains(s.Knows, name) || strings.Contains(name, ".") {
		return ""
	}
	return fmt.Sprintf(`its container does not know the name %s: needs = [%[1]q] where that is a service here, else [external.%[1]s] with its address, and knows = [%[1]q]`, name)
}

// refusedBy says what to do about another that accepts no connections.
func refusedBy(s Service, found []string) string {
	name := cmp.Or(found[1:]...)
	switch {
	case slices.Contains(s.Needs, name):
		return fmt.Sprintf("%s accepts no connections there: when it does, jarloop deploy %s tries again", name, s.Name)
	case slices.Contains(s.Knows, name):
		return fmt.Sprintf("%s accepts no connections there: where it is a service here, needs = [%[1]q] waits for it, else jarloop deploy %[2]s tries again when it does", name, s.Name)
	}
	return ""
}

// deniedAt says how a folder of data is given to another user than root.
func deniedAt(s Service, found []string) string {
	at := cmp.Or(found[1:]...)
	for _, folder := range s.Data {
		if at == folder || strings.HasPrefix(at, folder+"/") {
			return fmt.Sprintf(`its user may not write to %s, which has the owner that it had in the base when the data began: run = ["install -d -o USER %[1]s"] there, and jarloop data reset %[2]s if nothing in it is to stay`, folder, s.Name)
		}
	}
	return ""
}

// javaOf gives the version of Java with a version of class files.
func javaOf(class string) int {
	n, _ := strconv.Atoi(class) // digits
	return n - 44
}

// runtimeOf names the first package of Debian that runs what is built for a Java.
func runtimeOf(java int) string {
	for _, n := range []int{17, 21, 25} {
		if java <= n {
			return fmt.Sprintf("openjdk-%d-jre-headless", n)
		}
	}
	return fmt.Sprintf("a Java %d", java)
}

// variable gives the name of the environment that Spring Boot and MicroProfile read a
// property from; one that looks like a variable is one.
func variable(property string) string {
	if isVariable.MatchString(property) {
		return property
	}
	return strings.ToUpper(notInVariables.ReplaceAllString(property, "_"))
}

var (
	isVariable     = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	notInVariables = regexp.MustCompile(`[^A-Za-z0-9]+`)
)
