package adopt

import (
	"archive/zip"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// archiveOf is an archive with these entries.
func archiveOf(t *testing.T, entries map[string]string) string {
	t.Helper()
	var b strings.Builder
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(entries[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// class is the beginning of a class for a version of Java.
func class(java int) string { return "\xCA\xFE\xBA\xBE\x00\x00\x00" + string(rune(java+44)) }

// withMain is an archive with a manifest that names a main class for Java 17, and
// these entries.
func withMain(t *testing.T, entries map[string]string) string {
	t.Helper()
	all := map[string]string{"META-INF/MANIFEST.MF": "Main-Class: a.Main\n\n", "a/Main.class": class(17)}
	maps.Copy(all, entries)
	return archiveOf(t, all)
}

// mainClass is one with a main method, as far as its constants tell.
var mainClass = class(17) + "\x01\x00\x04main\x01\x00\x16([Ljava/lang/String;)V"

func TestServicesAreFoundWhereBuildsLeaveThem(t *testing.T) {
	runs, library := jar(t, "a.Main", 61), jar(t, "", 0)
	elf := "\x7fELF" + strings.Repeat("\x00", 12) + "\x03\x00" + "rest"
	for _, test := range []struct {
		name  string
		files map[string]string
		wants []string // in the file
		said  []string
	}{
		{"a JAR of Maven beside what it builds on the way", map[string]string{
			"shop/pom.xml": "", "shop/target/shop-1.0.jar": runs, "shop/target/original-shop-1.0.jar": library,
			"shop/target/classes/application.yml": "server:\n  port: 1\n",
		}, []string{"[service.shop]\nsource = \"shop/target\"\nfiles  = [\"*.jar\"]\n\n"}, nil},
		{"a JAR of Gradle alone", map[string]string{"shop/build/libs/shop-all.jar": runs},
			[]string{"[service.shop]\nsource = \"shop/build/libs\"\nfiles  = [\"*.jar\"]\n\n"}, nil},
		{"modules of one build, one of them a library", map[string]string{
			"a/build/libs/a.jar": runs, "b/c/build/libs/c.jar": runs, "common/build/libs/common.jar": library,
		}, []string{"[service.a]", "[service.c]\nsource = \"b/c/build/libs\""}, []string{"common/build/libs: left out: none of its JARs has a Main-Class"}},
		{"a build whose root is the share", map[string]string{"build/libs/shop-0.1-SNAPSHOT.jar": runs, "build.gradle": ""},
			[]string{"[service.shop]\nsource = \"build/libs\""}, nil},
		{"an installation with a start script", map[string]string{
			"shop/build/install/shop/bin/shop": "#!/bin/sh\n", "shop/build/install/shop/bin/shop.bat": "", "shop/build/install/shop/lib/shop.jar": library,
		}, []string{"[service.shop]\nsource = \"shop/build/install/shop\"\n\n"}, nil},
		{"a folder of Quarkus", map[string]string{
			"shop/target/quarkus-app/quarkus-run.jar": runs, "shop/target/quarkus-app/lib/main/x.jar": library, "shop/target/shop.jar": library,
		}, []string{"[service.shop]\nsource = \"shop/target/quarkus-app\"\n\n"}, nil},
		{"JARs in the share itself", map[string]string{"order-1.2.jar": runs, "stock.jar": runs, "order-1.2-plain.jar": library},
			[]string{"[service.order]\nsource = \".\"\nfiles  = [\"order-1.2.jar\"]", "[service.stock]\nsource = \".\"\nfiles  = [\"stock.jar\"]"}, nil},
		{"a folder by another name", map[string]string{"person/app.jar": runs, "logs/a.log": "x", "docs/x.md": "", ".cache/app.jar": runs},
			[]string{"[service.person]\nsource = \"person\""}, nil},
		{"a program for the machine itself", map[string]string{"volume-fast/fast": elf},
			[]string{"exec   = \"/fast/fast\"   # GUESS: the program for the machine itself"}, nil},
		{"a JAR that was unpacked", map[string]string{
			"volume-a/META-INF/MANIFEST.MF": "Main-Class: org.springframework.boot.loader.launch.JarLauncher\n", "volume-a/BOOT-INF/lib/x.jar": library,
		}, []string{"exec   = \"java -cp /a org.springframework.boot.loader.launch.JarLauncher\"   # as its manifest says"}, nil},
		{"classes and libraries", map[string]string{"volume-a/classes/shop/Main.class": mainClass, "volume-a/classes/shop/Other.class": class(17), "volume-a/lib/x.jar": library},
			[]string{"exec   = \"java -cp '/a/classes:/a/lib/*' shop.Main\"   # GUESS: the only class with a main method"}, nil},
		{"classes of which several could be run", map[string]string{"volume-a/shop/A.class": mainClass, "volume-a/shop/B.class": mainClass},
			[]string{"[service.a]\n\n"}, []string{"volume-a: several classes have a main method, so name one in exec"}},
		{"folders that are no service", map[string]string{
			"volume-a/a.jar": runs, "volume-log/.gitignore": "*.*\n", "volume-log/b.log": "x", "volume-c/.gitignore": "",
		}, []string{"[service.a]"}, []string{"volume-log: left out: it holds nothing that runs", "volume-c: left out"}},
		{"a name that no host can have", map[string]string{"My_Shop.v2/app.jar": runs}, []string{"[service.my-shop]\nsource = \"My_Shop.v2\""}, nil},
		{"two by one name", map[string]string{"a/x/app.jar": runs, "b/x/app.jar": runs}, []string{"source = \"a/x\""},
			[]string{"b/x: not adopted: a/x would be called x too"}},
		{"Dropwizard with two connectors, under a name of its own", map[string]string{
			"shop/app.jar": withMain(t, map[string]string{"io/dropwizard/core/Application.class": ""}), "shop/shop-local.yml": "server:\n  applicationConnectors:\n  - type: http\n    port: ${PORT:-9000}\nlogging:\n  level: INFO\n",
		}, []string{"exec   = \"java -jar /shop/app.jar server /shop/shop-local.yml\"   # with its settings", "port   = 9000   # as in shop/shop-local.yml:4", "health = { port = 8081, path = \"/healthcheck\" }"}, nil},
		{"Dropwizard with settings beside its sources", map[string]string{
			"shop/target/shop-1.0.jar": withMain(t, map[string]string{"io/dropwizard/core/Application.class": ""}), "shop/pom.xml": "", "shop/shop.yml": "logging:\n  level: INFO\n", "shop/docker-compose.yml": "services: {}\n",
		}, []string{"[service.shop]\nsource = \"shop\"\nfiles  = [\"target/*.jar\", \"shop.yml\"]\nexec   = \"java -jar /shop/target/*.jar server /shop/shop.yml\""}, nil},
		{"Dropwizard with the settings that its job names", map[string]string{
			"volume-a/a.jar": withMain(t, map[string]string{"io/dropwizard/core/Application.class": ""}), "volume-a/dev.yml": "server: {type: simple, connector: {port: 1}}\n", "volume-a/prod.yml": "server: {type: simple, connector: {port: 2}}\n",
			"upstart/a.conf": "exec java -jar /a/a.jar server /a/prod.yml\n",
		}, []string{"port   = 2   # as in volume-a/prod.yml:1"}, nil},
		{"Dropwizard without settings", map[string]string{"shop/app.jar": withMain(t, map[string]string{"io/dropwizard/core/Application.class": ""})},
			[]string{"[service.shop]", "exec   = \"java -jar /shop/app.jar server\"", "port   = 8080   # Dropwizard's own"}, nil},
		{"a JAR for a Java that is gone", map[string]string{"volume-a/a.jar": jar(t, "a.Main", 51), "volume-b/b.jar": runs}, []string{
			"[base.service-base]\ndistribution = \"debian:bookworm\"\npackages     = [\"openjdk-17-jre-headless\", \"libjaxb-api-java\"]",
			"[service.a]\nenv    = { JDK_JAVA_OPTIONS = ", "[service.b]\n\n"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, _, text := adoptFiles(t, test.files)
			for _, want := range test.wants {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			if got, want := strings.Count(text, "[service."), strings.Count(strings.Join(test.wants, "\n"), "[service."); want > 0 && got != want {
				t.Errorf("%d services, want %d, in\n%s", got, want, text)
			}
			for _, want := range test.said {
				if notes := strings.Join(l.Notes, "\n"); !strings.Contains(notes, want) {
					t.Errorf("no %q is said in %q", want, notes)
				}
			}
		})
	}
}

func TestTheSharedFolderOfARepositoryIsFound(t *testing.T) {
	runs := withMain(t, nil)
	for name, c := range map[string]struct {
		files map[string]string
		dir   string
		names []string
	}{
		"beside what the builds leave": {map[string]string{"lxc/volume-a/a.jar": runs, "lxc/upstart/a.conf": "exec java -jar /a/a.jar\n", "services/a/build/libs/a.jar": runs, "pom.xml": ""}, "lxc", []string{"a"}},
		"not where it has no program":  {map[string]string{"docker/volume-db/x": "", "a/target/a.jar": runs}, ".", []string{"a"}},
		"not of two":                   {map[string]string{"x/volume-a/a.jar": runs, "y/volume-b/b.jar": runs}, ".", []string{"volume-a", "volume-b"}},
		"not below one":                {map[string]string{"volume-a/a.jar": runs, "old/volume-b/b.jar": runs}, ".", []string{"a", "volume-b"}},
	} {
		dir := t.TempDir()
		writeFiles(t, dir, c.files)
		l, err := Read(dir)
		if err != nil || l.Dir != filepath.Join(dir, c.dir) || !slices.Equal(slices.Sorted(slices.Values(l.Services())), c.names) {
			t.Errorf("%s: %v, in %s, %q", name, err, l.Dir, l.Services())
		}
		if said := strings.Contains(strings.Join(l.Notes, "\n"), "lxc is taken for the shared folder, since it has folders like volume-…"); said != (c.dir != ".") {
			t.Errorf("%s: said is %q", name, l.Notes)
		}
	}
}

func TestWhatIsNoServiceIsSaidWhereNothingElseIsThere(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"volume-log/.gitignore": "", "docs/x": ""})
	l, err := Read(dir)
	if !errors.Is(err, ErrNothing) || !strings.Contains(strings.Join(l.Notes, "\n"), "volume-log: left out") {
		t.Errorf("%v, said is %q", err, l.Notes)
	}
}

// TestTheOriginalSystemIsAdopted has the layout, jobs and settings of the system
// that this program was made for, with the JARs of its build and the nginx of its
// time.
func TestTheOriginalSystemIsAdopted(t *testing.T) {
	files := map[string]string{
		"provision-dev.sh": "lxc-create", "image-nginx-lua/provision.sh": "", "volume-log/.gitignore": "*.*\n!.gitignore\n",
		"upstart/web.conf": "start on filesystem and net-device-up IFACE!=lo\nscript\n    /usr/local/openresty/nginx/sbin/nginx -p /opt/nginx/conf/ -c nginx.conf\nend script\nrespawn\n",
		"volume-nginx-conf.d/nginx.conf": "pid /var/log/nginx/nginx.pid;\ndaemon off;\nhttp {\n    include /usr/local/openresty/nginx/conf/mime.types;\n    server {\n        listen 8080;\n" +
			"        access_by_lua_file 'access.lua';\n        location / { proxy_pass http://frontend:8081; }\n        location /api/sessions { proxy_pass http://session:8084; }\n    }\n}\n",
		"volume-nginx-conf.d/access.lua":      "ngx.location.capture('/api/sessions/')\n",
		"volume-nginx-conf.d/logs/.gitignore": "*.*\n",
	}
	nested := archiveOf(t, map[string]string{"com/example/Application.class": class(7)})
	oneJAR := archiveOf(t, map[string]string{
		"META-INF/MANIFEST.MF":             "Main-Class: com.simontuffs.onejar.Boot\nOne-Jar-Main-Class: com.example.Application\n\n",
		"com/simontuffs/onejar/Boot.class": class(5),
		"main/main.jar":                    nested,
		"lib/dropwizard-core-0.8.1.jar":    "PK",
		"lib/dropwizard-jackson-0.8.1.jar": "PK",
		"lib/jersey-server-2.17.jar":       "PK",
	})
	for name, port := range map[string]string{"frontend": "8081", "session": "8084", "person": "8085"} {
		file := strings.ToUpper(name[:1]) + name[1:] + "Application.jar"
		files["volume-"+name+"/"+file] = oneJAR
		files["volume-"+name+"/.gitignore"] = "*.*\n!.gitignore\n"
		files["upstart/"+name+".conf"] = "start on filesystem and net-device-up IFACE!=lo\nscript\n    java -jar /" + name + "/" + file +
			" server /" + name + "/config.yml\nend script\nconsole none\nrespawn\n"
		files["volume-"+name+"/config.yml"] = "server:\n  type: simple\n  applicationContextPath: /api\n  adminContextPath: /admin\n  connector:\n    type: http\n    port: " + port +
			"\n\nlogging:\n  level: INFO\n  appenders:\n    - type: file\n      currentLogFilename: /log/" + name + ".log\n      archive: false\n"
	}
	for _, name := range []string{"session", "person"} {
		files["volume-"+name+"/config.yml"] += "\ndatabase:\n  driverClass: org.h2.Driver\n  url: jdbc:h2:./" + name + "db\n"
	}
	files["volume-frontend/config.yml"] += "\npersonApiUri: http://person:8085/api/persons\n"

	l, c, text := adoptFiles(t, files)
	if got := l.Services(); !slices.Equal(got, []string{"frontend", "web", "person", "session"}) {
		t.Fatalf("services %q", got)
	}
	for name, port := range map[string]int{"frontend": 8081, "session": 8084, "person": 8085, "web": 8080} {
		if s := c.Service(name); s.Port != port || name != "web" && (!slices.Equal(s.Logs, []string{"/log/" + name + ".log"}) || s.Env["JDK_JAVA_OPTIONS"] != oldOptions || s.Health.Path != "/admin/healthcheck") {
			t.Errorf("%s: port %d, logs %q, env %q, health %+v", name, s.Port, s.Logs, s.Env, s.Health)
		}
	}
	for name, data := range map[string][]string{"frontend": nil, "session": {"/data"}, "person": {"/data"}} {
		run := "java -jar /" + name + "/" + strings.ToUpper(name[:1]) + name[1:] + "Application.jar server /" + name + "/config.yml"
		if data != nil {
			run = "cd /data && exec " + run
		}
		if s := c.Service(name); !slices.Equal(s.Data, data) || s.Exec != run {
			t.Errorf("%s: data %q, exec %q, want %q", name, s.Data, s.Exec, run)
		}
	}
	web := c.Service("web")
	const globals = "nginx -g '" + luaModules + "' -p /opt/nginx/conf/ -c nginx.conf"
	if web.Exec != globals || web.ReloadCommand != globals+" -s reload" || web.Target != "/opt/nginx/conf" || !slices.Equal(web.Needs, []string{"frontend", "session"}) {
		t.Errorf("web: exec %q, reload %q, target %q, needs %q", web.Exec, web.ReloadCommand, web.Target, web.Needs)
	}
	base := c.Base("web-base")
	if !slices.Equal(base.Packages, []string{"nginx", "libnginx-mod-http-lua"}) ||
		!slices.Contains(base.Run, "mkdir -p /usr/local/openresty/nginx/conf && ln -sf /etc/nginx/mime.types /usr/local/openresty/nginx/conf/mime.types") {
		t.Errorf("web-base: packages %q, run %q", base.Packages, base.Run)
	}
	want := []string{"volume-log: left out: ", "volume-nginx-conf.d: Debian's nginx runs it in place of /usr/local/openresty/nginx/sbin/nginx"}
	for _, note := range l.Notes {
		if !slices.ContainsFunc(want, func(w string) bool { return strings.HasPrefix(note, w) }) {
			t.Errorf("said is %q", note)
		}
	}
	if len(l.Notes) != len(want) {
		t.Errorf("notes %q in\n%s", l.Notes, text)
	}
}
