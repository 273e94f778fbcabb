package adopt

import (
	"archive/zip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

// adopt writes files into a folder, reads it, and gives what is written, which
// must be a configuration.
func adoptFiles(t *testing.T, files map[string]string) (*Layout, *config.Config, string) {
	t.Helper()
	dir := t.TempDir()
	writeFiles(t, dir, files)
	return adoptFolder(t, dir)
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	all := fstest.MapFS{}
	for name, content := range files {
		all[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
	}
	if err := os.CopyFS(dir, all); err != nil {
		t.Fatal(err)
	}
}

func adoptFolder(t *testing.T, dir string) (*Layout, *config.Config, string) {
	t.Helper()
	l, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	text := l.TOML()
	c, err := config.Parse("config.toml", []byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return l, c, text
}

// jar is an archive with a main class of a version, or without one.
func jar(t *testing.T, main string, version byte) string {
	t.Helper()
	var b strings.Builder
	z := zip.NewWriter(&b)
	manifest := "Manifest-Version: 1.0\n"
	if main != "" {
		manifest += "Main-Class: " + main + "\n"
		class, err := z.Create(strings.ReplaceAll(main, ".", "/") + ".class")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := class.Write([]byte{0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, version}); err != nil {
			t.Fatal(err)
		}
	}
	m, err := z.Create("META-INF/MANIFEST.MF")
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Write([]byte(manifest + "\n"))
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheOriginalSystemsLayoutIsAdoptedAsItIs(t *testing.T) {
	job := func(service, file string) string {
		return "description \"" + service + "\"\nstart on runlevel [2345]\nstop on runlevel [!2345]\nrespawn\n" +
			"exec java -jar /" + service + "/" + file + " server /" + service + "/config.yml\n"
	}
	l, c, text := adoptFiles(t, map[string]string{
		"upstart/frontend.conf":           job("frontend", "FrontendApplication.jar"),
		"upstart/person.conf":             job("person", "PersonApplication.jar"),
		"upstart/session.conf":            job("session", "SessionApplication.jar"),
		"volume-frontend/x.jar":           "",
		"volume-frontend/config.yml":      "port: 8081\nperson: http://person:8085/\n",
		"volume-person/config.yml":        "server:\n  applicationConnectors:\n  - type: http\n    port: 8085\n  adminConnectors:\n  - type: http\n    port: 9085\n",
		"volume-session/readme":           "",
		"volume-nginx-conf.d/nginx.conf":  "http {\n server {\n  listen 8080; # listen 1\n  location / { proxy_pass http://frontend:8081; }\n",
		"volume-nginx-conf.d/s/more.conf": "proxy_pass http://session:8084;\n",
	})
	if got := l.Services(); !slices.Equal(got, []string{"frontend", "web", "person", "session"}) {
		t.Errorf("services %q", got)
	}
	for _, want := range []struct {
		service, exec string
		port          int
		needs         []string
	}{
		{"frontend", "java -jar /frontend/FrontendApplication.jar server /frontend/config.yml", 8081, []string{"person"}},
		{"person", "java -jar /person/PersonApplication.jar server /person/config.yml", 8085, nil},
		{"session", "java -jar /session/SessionApplication.jar server /session/config.yml", 8084, nil},
		{"web", "nginx -c /opt/nginx/conf/nginx.conf -g 'daemon off;'", 8080, []string{"frontend", "session"}},
	} {
		s := c.Service(want.service)
		if s.Exec != want.exec || s.Port != want.port || !slices.Equal(s.Needs, want.needs) {
			t.Errorf("%s: exec %q, port %d, needs %q; in\n%s", want.service, s.Exec, s.Port, s.Needs, text)
		}
	}
	if len(c.Publishes) != 1 || c.Publishes[0].Service != "web" || c.Service("web").Base != "web-base" || c.Service("frontend").Base != "service-base" {
		t.Errorf("published: %v", c.Publishes)
	}
	if got := c.Service("web").ReloadCommand; got != "nginx -c /opt/nginx/conf/nginx.conf -s reload" {
		t.Errorf("reload_command %q", got)
	}
	if !strings.Contains(text, "GUESS: by how volume-nginx-conf.d/s/more.conf:1 calls it") {
		t.Errorf("the guess is not marked in\n%s", text)
	}
	if notes := strings.Join(l.Notes, "\n"); !strings.Contains(notes, "volume-frontend/x.jar: is empty") ||
		!strings.Contains(notes, "runs FrontendApplication.jar, which is not in the folder") {
		t.Errorf("said is %q", notes)
	}
	for _, can := range []bool{false, true} {
		l.Unprivileged = can
		c, err := config.Parse("config.toml", []byte(l.TOML()))
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range c.Bases {
			if b.Privileged == can {
				t.Errorf("%s is privileged: %v; in\n%s", b.Name, b.Privileged, l.TOML())
			}
		}
	}
}

func TestEachPieceOfALayoutIsRead(t *testing.T) {
	good, thin := jar(t, "a.Main", 61), jar(t, "", 0)
	for _, test := range []struct {
		name  string
		files map[string]string
		text  string // in the file
		note  string // said
	}{
		{"one JAR needs no command", map[string]string{"volume-a/a.jar": good}, "[service.a]\n\n[[publish]]\nport    = 80\nservice = \"a\"", ""},
		{"a JAR beside others", map[string]string{"volume-a/a.jar": good, "volume-a/lib.jar": thin}, "[service.a]\n\n[[publish]]", ""},
		{"two that can be run", map[string]string{"volume-a/a.jar": good, "volume-a/b.jar": good}, "the first of several", "several JARs can be run; a.jar was taken"},
		{"one with its libraries and the same without", map[string]string{"volume-a/app-1.0.jar": good, "volume-a/app-1.0-all.jar": good}, "[service.a]\n\n[[publish]]", ""},
		{"settings in the way of Dropwizard", map[string]string{"volume-a/a.jar": good, "volume-a/config.yml": "http:\n  adminPort: 9000\n  port: 8090\n"},
			"exec   = \"java -jar /a/a.jar server /a/config.yml\"   # GUESS: with its settings, in the way of Dropwizard\nport   = 8090   # as in volume-a/config.yml:3", ""},
		{"settings in the way of Spring", map[string]string{"volume-a/a.jar": good, "volume-a/application.properties": "management.server.port=1\nserver.port=${PORT:8091}\n"}, "port   = 8091   # as in volume-a/application.properties:2", ""},
		{"settings of an editor of Windows", map[string]string{"volume-a/a.jar": good, "volume-a/application.properties": "\uFEFFserver.port=8094\r\n"}, "port   = 8094", ""},
		{"a job of an editor of Windows", map[string]string{"volume-a/a.jar": good, "upstart/a.conf": "\uFEFFexec java -Dx=y -jar /a/a.jar\r\n"}, `exec   = "java -Dx=y -jar /a/a.jar"   # as in upstart/a.conf`, ""},
		{"a port on one line", map[string]string{"volume-a/a.jar": good, "volume-a/a.yml": "server: {type: simple, port: 8092}\n"}, "port   = 8092", ""},
		{"a port of the command", map[string]string{"volume-a/a.jar": good, "upstart/a.conf": "exec java -Dserver.port=8093 -jar /a/a.jar\n"}, "port   = 8093   # as its command says", ""},
		{"a JAR for a newer Java", map[string]string{"volume-a/a.jar": jar(t, "a.Main", 65)}, "distribution = \"debian:trixie\"   # the first with what a JAR is built for, Java 21\npackages     = [\"openjdk-21-jre-headless\"]", ""},
		{"a JAR for a Java that no Debian has", map[string]string{"volume-a/a.jar": jar(t, "a.Main", 70)},
			"# GUESS: a JAR is built for Java 26, which no Debian here has: build it for 25, or have a command in run install one\npackages     = [\"openjdk-25-jre-headless\"]", ""},
		{"classes for a newer Java", map[string]string{"volume-a/classes/a/Main.class": class(21)}, "openjdk-21-jre-headless", "volume-a: "},
		{"a JAR for a newer Java that was unpacked", map[string]string{"volume-a/META-INF/MANIFEST.MF": "Main-Class: a.Main\n", "volume-a/a/Main.class": class(21), "volume-a/META-INF/versions/25/a/Main.class": class(25)},
			"openjdk-21-jre-headless", ""},
		{"a program for a newer Java that a script starts", map[string]string{"volume-a/bin/a": "#!/bin/sh\nexec java\n", "volume-a/lib/a.jar": archiveOf(t, map[string]string{
			"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n\n", "a/Main.class": class(21), "META-INF/versions/25/a/Main.class": class(25)})}, "openjdk-21-jre-headless", ""},
		{"no JAR", map[string]string{"volume-a/x": ""}, "# exec: the one JAR that will be there", "volume-a: no JAR is there yet"},
		{"another place in the container", map[string]string{"volume-a/a.jar": good, "upstart/a.conf": "exec java -jar /opt/a/a.jar\n"}, `target = "/opt/a"   # where its command looks`, ""},
		{"a relative place", map[string]string{"volume-a/a.jar": good, "upstart/a.conf": "chdir /opt/a\nexec java -jar a.jar\n"}, "target = \"/opt/a\"   # where its command looks for them\nexec   = \"java -jar a.jar\"", ""},
		{"a folder of its own to run in", map[string]string{"volume-a/a.jar": good, "upstart/a.conf": "chdir /data\nexec java -jar /a/a.jar\n"}, `exec   = "cd /data && exec java -jar /a/a.jar"`, ""},
		{"a place that belongs to the system", map[string]string{"volume-a/a.jar": good, "volume-a/c.yml": "port: 1\n", "upstart/a.conf": "exec java -jar /a.jar /c.yml\n"}, `exec   = "java -jar /a/a.jar /a/c.yml"`, "artefacts cannot go to /,"},
		{"a service that is called like a folder of the system", map[string]string{"volume-lib/a.jar": good}, `target = "/srv/lib"`, ""},
		{"a user and a log", map[string]string{"volume-a/a.jar": good, "upstart/a.conf": "setuid app\nexec java -jar /a/a.jar >/log/a.log\n"},
			`run          = ["id -u app >/dev/null 2>&1 || useradd --system --user-group app", "mkdir -p /log"]`, ""},
		{"parts of nginx", map[string]string{"volume-nginx-conf.d/a.conf": "server {\n\tlisten [::]:80 default_server;\n}"}, `"rm -rf /etc/nginx/conf.d && ln -s /opt/nginx/conf /etc/nginx/conf.d"`, ""},
		{"nginx that stays in the foreground", map[string]string{"volume-nginx-conf.d/nginx.conf": "daemon off;\nlisten 81;"}, `exec   = "nginx -c /opt/nginx/conf/nginx.conf"`, ""},
		{"nginx beside a service web", map[string]string{"volume-nginx-conf.d/nginx.conf": "listen 81;", "volume-web/a.jar": good}, "[service.nginx]", ""},
		{"hosts", map[string]string{"volume-a/a.properties": "server.port=1\nb.host=b\n# http://c:2\nname=c\n", "volume-b/x": "", "volume-c/x": ""}, `needs  = ["b"]`, "no JAR"},
		{"a circle", map[string]string{"volume-a/a.yml": "port: 1\nb: http://b:2", "volume-b/b.yml": "port: 2\na: http://a:1"}, `knows  = ["a"]   # not waited for, since it needs this one`, "no JAR"},
		{"a name that no service can have", map[string]string{"volume-a/x": "", "volume-B_c/x": ""}, "[service.a]", "volume-B_c: not adopted: "},
		{"a job without a folder", map[string]string{"volume-a/x": "", "upstart/b.conf": "exec x"}, "[service.a]", "upstart/b.conf: not adopted"},
		{"a choice of what to publish", map[string]string{"volume-a/x": "", "volume-b/x": ""}, "#[[publish]]", "no JAR"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, _, text := adoptFiles(t, test.files)
			if !strings.Contains(text, test.text) {
				t.Errorf("no %q in\n%s", test.text, text)
			}
			notes := strings.Join(l.Notes, "\n")
			if !strings.Contains(notes, test.note) || test.note == "" && notes != "" {
				t.Errorf("said is %q, want %q", notes, test.note)
			}
		})
	}
}

func TestWhatLeadsOutOfTheShareOrBlocksIsPassedOver(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "volume-a")
	outside := filepath.Join(t.TempDir(), "secret.yml")
	if err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "upstart"), 0o755), os.Mkdir(folder, 0o755),
		os.WriteFile(outside, []byte("port: 4711\n"), 0o644),
		os.WriteFile(filepath.Join(folder, "readme"), nil, 0o644),
		os.Symlink(outside, filepath.Join(folder, "config.yml")),
		os.Symlink(filepath.Dir(outside), filepath.Join(dir, "volume-b")),
		os.Symlink("/dev/zero", filepath.Join(dir, "upstart", "a.conf")),
		unix.Mkfifo(filepath.Join(folder, "b.jar"), 0o644),
		unix.Mkfifo(filepath.Join(dir, "upstart", "c.conf"), 0o644),
		os.WriteFile(filepath.Join(folder, "\x1b[31m.jar"), nil, 0o644),
	); err != nil {
		t.Fatal(err)
	}
	l, _, text := adoptFolder(t, dir)
	if got := l.Services(); !slices.Equal(got, []string{"a"}) || strings.Contains(text, "4711") || strings.Contains(text, "\x1b") {
		t.Errorf("services %q in\n%s", got, text)
	}
	if notes := strings.Join(l.Notes, "\n"); !strings.Contains(notes, "upstart/a.conf: not read") || !strings.Contains(notes, "upstart/c.conf: not read") {
		t.Errorf("said is %q", notes)
	}
}

func TestAFolderWithoutServicesIsAnError(t *testing.T) {
	if _, err := Read(t.TempDir()); !errors.Is(err, ErrNothing) {
		t.Errorf("error %v", err)
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// FuzzJob: whatever a job says, what is written is a configuration, of one
// line for each of its commands.
func FuzzJob(f *testing.F) {
	for _, seed := range []string{
		"description \"x\"\nrespawn\nexec java -jar /a/a.jar\n",
		"script\ncd /a\nexec java $X >>/log/a.log\nend script\nenv X='a\\'b'\nsetuid app\nchdir /srv/\u00e9\numask 027\n",
		"start on (a\nor b)\nlimit nofile 1 2\nexec nginx -c /etc/nginx/nginx.conf\n", "exec java -jar \"/tmp/x.jar\" '\"\\\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, job string) {
		if len(job) > 1<<16 {
			return
		}
		for _, source := range []string{"volume-a", prefix + nginxName} {
			s := &service{name: "a", source: source, nginx: source != "volume-a", jobs: readUpstart("upstart/a.conf", job),
				folder: folder{name: source, files: []string{"a.jar", "nginx.conf"}}}
			s.target.value = "/a"
			l := &Layout{Dir: "/host", services: []*service{s}}
			l.complete()
			if _, err := config.Parse("config.toml", []byte(l.TOML())); err != nil {
				t.Fatalf("%v in\n%s", err, l.TOML())
			}
		}
	})
}
