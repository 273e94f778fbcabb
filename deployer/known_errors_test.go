package deployer

import (
	"errors"
	"strings"
	"testing"
)

func TestWhatAProgramSaidLeadsOn(t *testing.T) {
	service := Service{Name: "shop", Target: "/shop", Port: 8080, Needs: []string{"session"}, Knows: []string{"mail"}, Data: []string{"/data"}, Replace: StopFirst}
	for name, c := range map[string]struct {
		tail string
		want string // a part of it; "": nothing
	}{
		"for a newer Java": {`Error: LinkageError occurred while loading main class apps.Application
	java.lang.UnsupportedClassVersionError: apps/Application has been compiled by a more recent version of the Java Runtime (class file version 65.0), this version of the Java Runtime only recognizes class file versions up to 61.0`,
			"it was built for Java 21, and its base has Java 17: have the base install openjdk-21-jre-headless, of a distribution that has it, or build for Java 17"},
		"for one between": {`java.lang.UnsupportedClassVersionError: a/Main has been compiled by a more recent version of the Java Runtime (class file version 66.65535), this version of the Java Runtime only recognizes class file versions up to 65.0`,
			"it was built for Java 22, and its base has Java 21: have the base install openjdk-25-jre-headless"},
		"for one that Debian has not": {`a/Main has been compiled by a more recent version of the Java Runtime (class file version 70.0), this version of the Java Runtime only recognizes class file versions up to 69.0`,
			"built for Java 26, and its base has Java 25: have the base install a Java 26, "},
		"a JAR that is not there":              {"Error: Unable to access jarfile /opt/app.jar", "there is no /opt/app.jar in the container: its artefacts are in /shop"},
		"a class that is not there":            {"Error: Could not find or load main class com.example.Main\nCaused by: java.lang.ClassNotFoundException: com.example.Main", "has no class com.example.Main: its artefacts are in /shop"},
		"a name, of Java":                      {"Caused by: java.net.UnknownHostException: database\n\tat java.base/sun.nio.ch.NioSocketImpl.connect(Unknown Source)", `its container does not know the name database: needs = ["database"]`},
		"a name, and why":                      {"java.net.UnknownHostException: database: Name or service not known", "the name database: needs"},
		"a name, of PostgreSQL":                {`psql: error: could not translate host name "database" to address: Name or service not known`, "the name database: needs"},
		"a name, of nginx":                     {`nginx: [emerg] host not found in upstream "frontend" in /web/nginx.conf:4`, `the name frontend: needs = ["frontend"] where that is a service here, else [external.frontend] with its address, and knows = ["frontend"]`},
		"a name, of Go":                        {`dial tcp: lookup database on 10.0.3.1:53: no such host`, "the name database: needs"},
		"a name, of Node.js":                   {`Error: getaddrinfo ENOTFOUND database`, "the name database: needs"},
		"a name, of Netty":                     {"java.net.UnknownHostException: Failed to resolve 'database' [A(1)]", "the name database: needs"},
		"a name that is known":                 {"java.net.UnknownHostException: session\njava.net.UnknownHostException: mail", ""},
		"a name of the world":                  {"java.net.UnknownHostException: api.example.com", ""},
		"itself, of PostgreSQL":                {"org.postgresql.util.PSQLException: Connection to localhost:5432 refused. Check that the hostname and port are correct", "nothing listens on port 5432 of its own container, which is what localhost is there"},
		"itself, of Netty":                     {"io.netty.channel.AbstractChannel$AnnotatedConnectException: Connection refused: localhost/127.0.0.1:6379", "port 6379 of its own container"},
		"itself, of an HTTP client":            {"org.apache.http.conn.HttpHostConnectException: Connect to localhost:8084 [localhost/127.0.0.1] failed: Connection refused", "port 8084 of its own container"},
		"itself, of Go":                        {"dial tcp 127.0.0.1:5432: connect: connection refused", "port 5432 of its own container"},
		"itself, of Kafka":                     {"[AdminClient clientId=a] Connection to node -1 (localhost/127.0.0.1:9092) could not be established. Node may not be available.", "port 9092 of its own container"},
		"itself, at its own port":              {"dial tcp 127.0.0.1:8080: connect: connection refused", ""},
		"a need that refuses, of PostgreSQL":   {"Connection to session:5432 refused. Check that the hostname and port are correct", "session accepts no connections there: when it does, jarloop deploy shop tries again"},
		"a need that refuses, of libpq":        {`connection to server at "session" (10.0.3.7), port 5432 failed: Connection refused`, "session accepts no connections there"},
		"a need that refuses, of Netty":        {"Connection refused: session/10.0.3.7:6379", "session accepts no connections there"},
		"a need that refuses, of HttpClient":   {"Connect to session:8084 [session/10.0.3.7] failed: Connection refused", "session accepts no connections there"},
		"a need that refuses, of Kafka":        {"Connection to node -1 (session/10.0.3.7:9092) could not be established. Node may not be available.", "session accepts no connections there"},
		"a need that refuses, of Lettuce":      {"io.lettuce.core.RedisConnectionException: Unable to connect to session/<unresolved>:6379", "session accepts no connections there"},
		"one that it knows":                    {"Connection refused: mail/10.0.3.7:25", `mail accepts no connections there: where it is a service here, needs = ["mail"] waits for it`},
		"files of H2":                          {`org.h2.jdbc.JdbcSQLNonTransientConnectionException: Database may be already in use: null. Possible solutions: close all other connection(s); use the server mode [90020-232]`, "another process in its container has its files open"},
		"files of SQLite":                      {"org.sqlite.SQLiteException: [SQLITE_BUSY] The database file is locked (database is locked)", "has its files open"},
		"files of Lucene":                      {"org.apache.lucene.store.LockObtainFailedException: Lock held by another program: /data/index/write.lock", "has its files open"},
		"data of another owner, of Java":       {"java.nio.file.AccessDeniedException: /data/visits.mv.db", `its user may not write to /data, which has the owner that it had in the base when the data began: run = ["install -d -o USER /data"] there`},
		"data of another owner, of older Java": {"java.io.FileNotFoundException: /data/visits.trace.db (Permission denied)", "its user may not write to /data"},
		"data of another owner, of a shell":    {"/shop/run.sh: 3: cannot create /data/x: Permission denied", "its user may not write to /data"},
		"data of another owner, of coreutils":  {"mkdir: cannot create directory ‘/data/x’: Permission denied", "its user may not write to /data"},
		"data of another owner, of Go":         {"open /data/x: permission denied", "its user may not write to /data"},
		"another folder of another owner":      {"java.nio.file.AccessDeniedException: /etc/shop.conf", ""},
		"another that refuses":                 {"Connection to elsewhere:5432 refused. Check that the hostname and port are correct", ""},
		"a setting, of Spring":                 {`Caused by: java.lang.IllegalArgumentException: Could not resolve placeholder 'DB_PASSWORD' in value "${DB_PASSWORD}"`, "its setting DB_PASSWORD is missing: env = { DB_PASSWORD = … }"},
		"a property, of Spring":                {`Could not resolve placeholder 'shop.db-password' in value "${shop.db-password}"`, "its setting shop.db-password is missing: env = { SHOP_DB_PASSWORD = … }"},
		"an address, of Spring":                {"Description:\n\nFailed to configure a DataSource: 'url' attribute is not specified and no embedded datasource could be configured.\n\nReason: Failed to determine a suitable driver class", "SPRING_DATASOURCE_URL"},
		"a setting, of Quarkus":                {"java.util.NoSuchElementException: SRCFG00014: The config property shop.name is required but it could not be found in any config source", "env = { SHOP_NAME = … }"},
		"a setting, of Dropwizard":             {"io.dropwizard.configuration.UndefinedEnvironmentVariableException: The environment variable 'DB_HOST' is not defined; could not substitute the expression '${DB_HOST}'.", "env = { DB_HOST = … }"},
		"a setting, of a script":               {"/shop/run.sh: 3: DB_HOST: parameter not set", "env = { DB_HOST = … }"},
		"what Java had":                        {"Caused by: java.lang.NoClassDefFoundError: javax/xml/bind/DatatypeConverter", "libjaxb-api-java"},
		"a JAR without its libraries":          {"Exception in thread \"main\" java.lang.NoClassDefFoundError: io/javalin/Javalin\n\tat apps.Application.main(Application.java:9)\nCaused by: java.lang.ClassNotFoundException: io.javalin.Javalin", "the class io.javalin.Javalin is not in what runs: have the build make a JAR with its libraries in it"},
		"a library of the system":              {"./app: error while loading shared libraries: libfreetype.so.6: cannot open shared object file: No such file or directory", "it needs libfreetype.so.6, which is not in the container"},
		"a library of the system, of a JVM":    {"java.lang.UnsatisfiedLinkError: /usr/lib/jvm/java-17-openjdk-amd64/lib/libfontmanager.so: libfreetype.so.6: cannot open shared object file: No such file or directory", "it needs libfreetype.so.6"},
		"another distribution":                 {"./app: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by ./app)", "it was built on a newer distribution than that of its base, with glibc 2.38"},
		"what Java has closed":                 {`java.lang.reflect.InaccessibleObjectException: Unable to make protected final java.lang.Class java.lang.ClassLoader.defineClass(java.lang.String,byte[],int,int) accessible: module java.base does not "opens java.lang" to unnamed module @1b`, `JDK_JAVA_OPTIONS = "--add-opens=java.base/java.lang=ALL-UNNAMED"`},
		"its heap":                             {"Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space", "its heap is full"},
		"more than there is":                   {"Error occurred during initialization of VM\nCould not reserve enough space for 8388608KB object heap", "more memory than the machine has"},
		"a port":                               {"Caused by: java.net.BindException: Address already in use", "something else in its container listens there"},
		"a port, of Spring":                    {"Web server failed to start. Port 8080 was already in use.", "something else in its container"},
		"an address":                           {"java.net.BindException: Cannot assign requested address", "have it listen on 0.0.0.0"},
		"what is said last":                    {"java.lang.RuntimeException: java.net.UnknownHostException: first\nCaused by: java.net.UnknownHostException: second", "the name second"},
		"an exception of its own":              {"java.lang.IllegalStateException: thrown on purpose", ""},
		"what only mentions localhost":         {"started on http://localhost:9090, nothing was refused", ""},
		"nothing":                              {"", ""},
	} {
		if got := cause(service, strings.Split(c.tail, "\n")); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	locked := []string{"Database may be already in use"}
	service.Replace = Overlap
	if got := cause(service, locked); !strings.HasSuffix(got, `as the old container has with replace = "overlap": replace = "stop-first"`) {
		t.Errorf("with overlap: %q", got)
	}
	service.Memory = 1 << 20
	if got := explained(service, errors.New("failed"), []string{"Could not reserve enough space for object heap"}); got != "failed: the JVM wants more than memory allows it: a lower -Xmx, or a higher memory" {
		t.Errorf("with a limit: %q", got)
	}
}
