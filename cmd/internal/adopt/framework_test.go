package adopt

import (
	"maps"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

// bootJAR is an executable JAR of Spring Boot, with libraries and files inside.
func bootJAR(t *testing.T, libraries string, inside map[string]string) string {
	t.Helper()
	entries := map[string]string{
		"META-INF/MANIFEST.MF": "Main-Class: org.springframework.boot.loader.launch.JarLauncher\nStart-Class: a.Main\nSpring-Boot-Version: 3.4.1\n\n",
		"org/springframework/boot/loader/launch/JarLauncher.class": class(17),
		"BOOT-INF/classes/a/Main.class":                            class(21),
		"BOOT-INF/lib/spring-boot-3.4.1.jar":                       "PK",
	}
	for _, library := range strings.Fields(libraries) {
		entries["BOOT-INF/lib/"+library+".jar"] = "PK"
	}
	for name, content := range inside {
		entries["BOOT-INF/classes/"+name] = content
	}
	return archiveOf(t, entries)
}

const web = "spring-webmvc-6.2 tomcat-embed-core-10.1 "

// TestWhatAFrameworksProgramIs says what init makes of one JAR, and files beside it.
func TestWhatAFrameworksProgramIs(t *testing.T) {
	spring := func(inside string) map[string]string {
		return map[string]string{"volume-a/a.jar": bootJAR(t, web+"spring-boot-actuator-3.4", map[string]string{"application.properties": inside})}
	}
	for _, test := range []struct {
		name  string
		files map[string]string
		wants []string // in the file
		not   string   // not in it
		said  string
	}{
		{"Spring MVC with nothing said", map[string]string{"volume-a/a.jar": bootJAR(t, web, nil)}, []string{
			`distribution = "debian:trixie"   # the first with what a JAR is built for, Java 21`,
			"port   = 8080   # Spring MVC's own, since nothing says otherwise", `health = { path = "/", status = ["200-499"] }`}, "exec", ""},
		{"Spring Boot without a web server", map[string]string{"volume-a/a.jar": bootJAR(t, "spring-rabbit-3.2", nil)},
			[]string{"[service.a]\nhealth = { up = \"5s\" }   # it listens on nothing: built with Spring Boot, without a web server\n"}, "publish", ""},
		{"Spring MVC that is told to be none", spring("spring.main.web-application-type=none\n"), []string{`health = { up = "5s" }`}, "port   =", ""},
		{"Spring Boot with Jersey", map[string]string{"volume-a/a.jar": bootJAR(t, "jersey-server-3.1 tomcat-embed-core-10.1", nil)}, []string{"[service.a]\n\n[[publish]]"}, "health", ""},
		{"Spring WebFlux", map[string]string{"volume-a/a.jar": bootJAR(t, "spring-webflux-6.2 reactor-netty-http-1.2 spring-boot-actuator-3.4", nil)},
			[]string{"port   = 8080   # Spring WebFlux's own", `health = { path = "/actuator/health" }   # Spring Boot's actuator`}, "", ""},
		{"an actuator", spring("server.port=8082\n"), []string{
			"port   = 8082   # as in volume-a/a.jar!/BOOT-INF/classes/application.properties:1", `health = { path = "/actuator/health" }`}, "", ""},
		{"an actuator on a port of its own, over TLS", spring("management.server.port: 9001\nmanagement.server.ssl.key-store=x\nserver.servlet.context-path=/shop\nmanagement.endpoints.web.base-path=/ops\n"),
			[]string{`health = { port = 9001, scheme = "https", path = "/ops/health" }`}, "", ""},
		{"a context path and TLS", spring("server.ssl.key-store=classpath:x.p12\nserver.servlet.contextPath=/shop\n"),
			[]string{`health = { scheme = "https", path = "/shop/actuator/health" }`}, "", ""},
		{"an actuator that is off", spring("management.server.port=-1\n"), []string{`health = { path = "/", status = ["200-499"] }`}, "", ""},
		{"security", map[string]string{"volume-a/a.jar": bootJAR(t, web+"spring-boot-actuator-3 spring-security-web-6", nil)},
			[]string{`health = { path = "/actuator/health", status = ["2xx", "401", "403"] }`}, "", ""},
		{"a port that only runs know", spring("server.port=0\n"), []string{"[service.a]\nhealth = { path = \"/actuator/health\" }"}, "port   =", ""},
		{"settings beside the JAR go before those inside", map[string]string{
			"volume-a/a.jar": bootJAR(t, web, map[string]string{"application.yml": "server:\n  port: 1111\n"}), "volume-a/application.yml": "server.port: 2222\n",
		}, []string{"port   = 2222   # as in volume-a/application.yml:1"}, "server /a/", ""},
		{"a profile that is active", map[string]string{
			"volume-a/a.jar":                  bootJAR(t, web, map[string]string{"application-dev.yml": "server:\n  port: 3333\n", "application.yml": "spring:\n  profiles:\n    active: dev\nserver:\n  port: 1111\n"}),
			"volume-a/application.properties": "server.port=2222\n",
		}, []string{"port   = 3333   # as in volume-a/a.jar!/BOOT-INF/classes/application-dev.yml:2"}, "", ""},
		{"a profile of the job's", map[string]string{
			"volume-a/a.jar": bootJAR(t, web, map[string]string{"application-dev.yml": "server:\n  port: 3333\n", "application-prod.yml": "server:\n  port: 4444\n"}),
			"upstart/a.conf": "env SPRING_PROFILES_ACTIVE=prod\nexec java -jar /a/a.jar\n",
		}, []string{"port   = 4444", `env    = { SPRING_PROFILES_ACTIVE = "prod" }`}, "No profile", ""},
		{"no profile is active", map[string]string{"volume-a/a.jar": bootJAR(t, web, map[string]string{"application-dev.yml": "server:\n  port: 3333\n"})},
			[]string{`# No profile is active; there are dev: env = { SPRING_PROFILES_ACTIVE = "dev" }`, "port   = 8080"}, "3333", ""},
		{"parts of a file for profiles", map[string]string{"volume-a/a.jar": bootJAR(t, web, map[string]string{
			"application.yml": "server:\n  port: 1111\n---\nspring:\n  config:\n    activate:\n      on-profile: dev\nserver:\n  port: 3333\n---\nspring.config.activate.on-profile: \"!prod\"\nserver.servlet.context-path: /x\n"})},
			[]string{"port   = 1111", `path = "/x"`}, "3333", ""},
		{"a placeholder", map[string]string{"volume-a/a.jar": bootJAR(t, web, map[string]string{"application.yml": "server:\n  port: ${SHOP_PORT:5555}\n"})}, []string{"port   = 5555"}, "", ""},
		{"a placeholder of the job's", map[string]string{
			"volume-a/a.jar": bootJAR(t, web, map[string]string{"application.yml": "server:\n  port: ${SHOP_PORT:5555}\n"}), "upstart/a.conf": "env SHOP_PORT=6666\nexec java -jar /a/a.jar\n",
		}, []string{"port   = 6666"}, "", ""},
		{"a log file", spring("logging.file.name=/var/log/app/a.log\n"), []string{`logs   = ["/var/log/app/a.log"]   # as in volume-a/a.jar!/`}, "", ""},
		{"a folder for logs", spring("logging.file.path=logs\n"), []string{`logs   = ["/a/logs/spring.log"]`}, "", ""},
		{"servers that are not there", spring("spring.datasource.url=jdbc:postgresql://db.example:5433/shop\nspring.data.redis.host=localhost\n"), []string{"[service.a]"}, "",
			"application.properties:1: db.example:5433 is none of the services\nvolume-a/a.jar!/BOOT-INF/classes/application.properties:2: localhost is the container itself"},
		{"servers that are services", map[string]string{"volume-a/a.jar": bootJAR(t, web, map[string]string{"application.yml": "spring:\n  datasource:\n    url: jdbc:postgresql://db:5432/shop\n"}), "volume-db/x": ""},
			[]string{`needs  = ["db"]`, "port   = 5432   # GUESS: by how volume-a/a.jar!/BOOT-INF/classes/application.yml:3 calls it"}, "", ""},
		{"a JAR of Spring Boot 1", map[string]string{"volume-a/a.jar": archiveOf(t, map[string]string{
			"META-INF/MANIFEST.MF": "Main-Class: l.L\nStart-Class: a.Main\nSpring-Boot-Version: 1.5.22\n\n", "BOOT-INF/lib/spring-webmvc-4.3.jar": "", "BOOT-INF/lib/spring-boot-actuator-1.5.jar": ""})},
			[]string{`health = { path = "/health" }`}, "", ""},
		{"a JAR and its plain twin", map[string]string{"volume-a/a.jar": bootJAR(t, web, nil), "volume-a/a-plain.jar": archiveOf(t, nil)},
			[]string{"[service.a]\nport   = 8080"}, "several", ""},
		{"an executable WAR", map[string]string{"volume-a/a.war": archiveOf(t, map[string]string{
			"META-INF/MANIFEST.MF": "Main-Class: l.WarLauncher\nStart-Class: a.Main\nSpring-Boot-Version: 3.0.0\n\n", "WEB-INF/classes/application.yml": "server: {port: 7777}\n", "WEB-INF/lib/spring-webmvc-6.jar": ""})},
			[]string{"[service.a]\nport   = 7777"}, "", ""},
		{"a WAR that wants a server", map[string]string{"volume-a/a.war": archiveOf(t, map[string]string{"WEB-INF/web.xml": ""})}, []string{"[service.a]"}, "exec   =", "a WAR without a Main-Class wants a servlet container"},

		{"Quarkus", map[string]string{
			"volume-a/quarkus-run.jar": withMain(t, nil), "volume-a/lib/boot/io.quarkus.quarkus-core-3.jar": "", "volume-a/lib/main/io.quarkus.quarkus-smallrye-health-3.jar": "",
			"volume-a/app/a-1.0.jar": archiveOf(t, map[string]string{"application.properties": "quarkus.http.port=8181\n%prod.quarkus.http.port=8282\nquarkus.http.root-path=/r\n"}),
		}, []string{"port   = 8282", `health = { path = "/r/q/health" }   # Quarkus' SmallRye Health`}, "exec", ""},
		{"Quarkus in its folder", map[string]string{
			"volume-a/quarkus-app/quarkus-run.jar": withMain(t, nil), "volume-a/quarkus-app/lib/main/io.quarkus.quarkus-core-3.jar": "",
			"volume-a/quarkus-app/app/a-1.0.jar": archiveOf(t, map[string]string{"application.properties": "quarkus.http.port=8181\n"}),
		}, []string{"[service.a]\nport   = 8181"}, "exec", ""},
		{"Quarkus with a port for management", map[string]string{
			"volume-a/a-runner.jar": withMain(t, map[string]string{"io/quarkus/runtime/A.class": "", "io/quarkus/smallrye/health/B.class": "", "application.properties": "quarkus.management.enabled=true\nquarkus.log.file.enable=true\n"}),
		}, []string{"port   = 8080   # Quarkus's own", `health = { port = 9000, path = "/q/health" }`, `logs   = ["/a/quarkus.log"]`}, "", ""},
		{"Micronaut", map[string]string{
			"volume-a/a-all.jar": withMain(t, map[string]string{"io/micronaut/http/server/A.class": "", "io/micronaut/management/B.class": "", "application.yml": "micronaut:\n  server:\n    port: 8383\n    context-path: /m\n"}),
		}, []string{"port   = 8383", `health = { path = "/m/health" }   # Micronaut's management`}, "", ""},
		{"Micronaut over TLS", map[string]string{
			"volume-a/a-all.jar": withMain(t, map[string]string{"io/micronaut/http/server/A.class": "", "application.properties": "micronaut.server.ssl.enabled=true\n"}),
		}, []string{"port   = 8443", `health = { scheme = "https", path = "/", status = ["200-499"] }`}, "", ""},
		{"Helidon", map[string]string{
			"volume-a/a.jar": archiveOf(t, map[string]string{"META-INF/MANIFEST.MF": "Main-Class: a.Main\nClass-Path: libs/helidon-webserver-4.0.jar\n\n", "META-INF/microprofile-config.properties": "server.port=7001\n"}),
			"volume-a/libs/helidon-webserver-4.0.jar": "",
		}, []string{"port   = 7001", `health = { path = "/", status = ["200-499"] }`}, "server /a/", ""},
		{"Javalin, whose port is in its code", map[string]string{"volume-a/a.jar": withMain(t, map[string]string{"io/javalin/Javalin.class": ""})},
			[]string{"[service.a]\nhealth = { path = \"/\", status = [\"200-499\"] }"}, "server /a/", ""},
		{"gRPC", map[string]string{"volume-a/a.jar": withMain(t, map[string]string{"io/grpc/Server.class": ""})}, []string{"[service.a]\n\n[[publish]]"}, "health", ""},
		{"a program of Java 8's time", map[string]string{"volume-a/a.jar": archiveOf(t, map[string]string{
			"META-INF/MANIFEST.MF": "Main-Class: a.Main\n\n", "a/Main.class": class(8), "io/dropwizard/Application.class": ""})},
			[]string{`packages     = ["openjdk-17-jre-headless", "libjaxb-api-java"]`, `env    = { JDK_JAVA_OPTIONS = "` + oldOptions + `" }   # GUESS: built for a Java before 9`}, "", ""},
		{"Dropwizard of today", map[string]string{"volume-a/a.jar": withMain(t, map[string]string{"io/dropwizard/core/Application.class": ""})}, []string{"[service.a]"}, "JDK_JAVA", ""},
		{"a one-jar for a Java of today", map[string]string{"volume-a/a.jar": archiveOf(t, map[string]string{
			"META-INF/MANIFEST.MF": "Main-Class: com.simontuffs.onejar.Boot\n\n", "com/simontuffs/onejar/Boot.class": class(5), "main/main.jar": archiveOf(t, map[string]string{"a/Main.class": class(21)})})},
			[]string{"openjdk-21-jre-headless"}, "JDK_JAVA", ""},
		{"a program for Java 8 of today", map[string]string{"volume-a/a.jar": jar(t, "a.Main", 52)}, []string{"[service.a]"}, "JDK_JAVA", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, _, text := adoptFiles(t, test.files)
			for _, want := range test.wants {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			if test.not != "" && strings.Contains(text, test.not) {
				t.Errorf("%q in\n%s", test.not, text)
			}
			if notes := strings.Join(l.Notes, "\n"); !strings.Contains(notes, test.said) {
				t.Errorf("said is %q, want %q", notes, test.said)
			}
		})
	}
}

func TestWhereDataAre(t *testing.T) {
	for _, test := range []struct {
		name, url string
		data, dir string
		said      string
	}{
		{"a relative file", "jdbc:h2:./shopdb;AUTO_SERVER=TRUE", "/data", "/data", ""},
		{"a relative file in a folder", "jdbc:h2:file:./var/shopdb", "/data", "/data", ""},
		{"an absolute file", "jdbc:hsqldb:file:/srv/shop/db;shutdown=true", "/srv/shop", "", ""},
		{"SQLite", "jdbc:sqlite:/srv/shop/shop.db", "/srv/shop", "", ""},
		{"Derby", "jdbc:derby:shopdb;create=true", "/data", "/data", ""},
		{"memory", "jdbc:h2:mem:shop", "", "", ""},
		{"a server", "jdbc:h2:tcp://db/shop", "", "", ""},
		{"a file at home", "jdbc:h2:~/shop", "", "", "does not outlive a deploy"},
		{"a file at the top", "jdbc:h2:/shopdb", "", "", "does not outlive a deploy"},
		{"a file among the artefacts", "jdbc:h2:/a/db/shop", "", "", "does not outlive a deploy"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &service{name: "a", facts: facts{target: told[string]{value: "/a"}}}
			s.layers = []layer{{text: parseText("x.yml", "database:\n  url: "+test.url+"\n")}}
			fromDatabases(s)
			data := ""
			for _, d := range s.data {
				data += d.value
			}
			if data != test.data || s.dir != test.dir {
				t.Errorf("data %q, in %q, want %q in %q", data, s.dir, test.data, test.dir)
			}
			if said := strings.Join(s.notes, "\n"); !strings.Contains(said, test.said) || test.said == "" && said != "" {
				t.Errorf("said is %q", said)
			}
		})
	}
}

func TestADatabaseBesideTheJARGetsAFolderToRunIn(t *testing.T) {
	_, _, text := adoptFiles(t, map[string]string{"volume-a/a.jar": bootJAR(t, web, map[string]string{"application.yml": "spring:\n  datasource:\n    url: jdbc:h2:file:./db/shop\n"}),
		"volume-a/application.properties": "x=y\n"})
	if want := `exec   = "cd /data && exec java -jar /a/a.jar --spring.config.additional-location=file:/a/"`; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}

func TestSettingsAreReadAsTheirReadersDo(t *testing.T) {
	for _, test := range []struct {
		name, file, content string
		want                map[string]string
	}{
		{"a properties file", "a.properties", "# x=1\n! y=2\na.b = 1\nc: 2\nd 3\n  e\\ f = g\\\n    h\nempty=\npath=C:\\\\x\n",
			map[string]string{"a.b": "1", "c": "2", "d": "3", "e f": "gh", "empty": "", "path": `C:\x`}},
		{"YAML with anchors", "a.yml", "base: &b\n  port: 1\nserver:\n  <<: *b\n  name: x\nlist:\n- a: 1\n- a: 2\n", map[string]string{"base.port": "1", "server.port": "1", "server.name": "x", "list.a": "2"}},
		{"a template that is no YAML", "a.yml", "server:\n  port: 1 # one\n  <#if x>\n  host: {{ y\n", map[string]string{"server.port": "1"}},
		{"JSON", "a.json", `{"server": {"port": 1}}`, map[string]string{"server.port": "1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := map[string]string{}
			for _, set := range parseText(test.file, test.content).settings {
				got[set.key] = set.value
			}
			maps.DeleteFunc(got, func(key, _ string) bool { _, wanted := test.want[key]; return !wanted })
			if !maps.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func TestAliasesOfYAMLDoNotMultiplyForEver(t *testing.T) {
	for _, first := range []string{"a: &a [x, x, x, x, x, x, x, x, x]\n", "a: &a []\n"} {
		bomb := first
		for i := 'b'; i < 'n'; i++ {
			bomb += string(i) + ": &" + string(i) + " [" + strings.Repeat("*"+string(i-1)+", ", 9) + "]\n"
		}
		if n := len(parseText("a.yml", bomb).settings); n > mostSettings {
			t.Errorf("%d settings", n)
		}
	}
	cycle := parseText("a.yml", "a: &a\n  b: *a\n  c: 1\n")
	if set, ok := cycle.find("a.c"); ok && set.value != "1" {
		t.Errorf("a.c is %q", set.value)
	}
}

// FuzzSettings: whatever settings say, and whoever reads them, what is written is a
// configuration.
func FuzzSettings(f *testing.F) {
	files := []string{"application.yml", "application.properties", "config.yml", "config.json", "reference.conf"}
	f.Add(0, "server:\n  port: ${P:1}\n  ssl: {key-store: x}\nspring:\n  datasource: {url: 'jdbc:h2:./x'}\nlogging.file.name: a.log\nx: http://localhost:8085\n---\nspring.profiles: a\n")
	f.Add(1, "server.port=8080\nmanagement.server.port=1\nquarkus.log.file.enable=true\nquarkus.log.file.path=/x/y\nmicronaut.server.port=3\n")
	f.Add(2, "server:\n  adminConnectors: [{port: 3, type: https}]\n  adminContextPath: /a\nlogging:\n  appenders: [{currentLogFilename: /log/x.log}]\n")
	f.Add(4, "a {\n  port = 1\n}\nb.host = \"b\"\n")
	f.Fuzz(func(t *testing.T, kind int, content string) {
		if len(content) > 1<<14 || kind < 0 || kind >= len(files) {
			return
		}
		l := &Layout{Dir: "/host"}
		for i := range frameworks {
			s := &service{name: "s" + string(rune('a'+i)), source: "volume-x", folder: folder{name: "volume-x", files: []string{"a.jar", files[kind]}}}
			s.target.value = "/x"
			s.runs = archive{name: "a.jar", main: "a.Main", framework: &frameworks[i], holds: map[string]bool{}}
			for _, p := range frameworks[i].parts {
				s.runs.holds[p.classes] = true
			}
			s.folder.archives = []archive{s.runs}
			s.folder.texts = []text{parseText("volume-x/"+files[kind], content)}
			l.services = append(l.services, s)
		}
		l.complete()
		if _, err := config.Parse("config.toml", []byte(l.TOML())); err != nil {
			t.Fatalf("%v in\n%s", err, l.TOML())
		}
	})
}
