package adopt

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

func TestServersThatServicesUseAreAddedWithTheirPasswords(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "volume-nginx-conf.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "volume-nginx-conf.d", "nginx.conf"), []byte("http { server { listen 8080; } }"), 0o644); err != nil {
		t.Fatal(err)
	}
	output := filepath.Join(dir, "config.toml")
	var out, warnings bytes.Buffer
	if err := Write(t.Context(), dir, output, Options{With: Backings()}, &out, &warnings); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(output); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: others can read the passwords", info.Mode(), err)
	}
	text, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(output)
	if err != nil {
		t.Fatal(err)
	}
	passwords := map[string]bool{}
	for _, b := range backings {
		s, base := c.Service(b.name), c.Base(b.name+"-base")
		if s == nil || base == nil || s.Artefacts || s.Base != base.Name || s.Port != b.port || b.data != "" != (len(s.Data) == 1) {
			t.Fatalf("%s: %+v with %+v", b.name, s, base)
		}
		password := s.Environment[b.secret]
		if b.secret != "" && (len(password) < 20 || passwords[password] || strings.Count(string(text), password) != 2) {
			t.Errorf("%s: the password %q; want one of its own, for it and who uses it", b.name, password)
		}
		passwords[password] = true
		for _, run := range base.Run {
			if password != "" && strings.Contains(run, password) || exec.Command("sh", "-n", "-c", run).Run() != nil {
				t.Errorf("%s: its base runs\n%s", b.name, run)
			}
		}
		// What is run writes the script, and no more: there may be the end of a text in it.
		bin := t.TempDir()
		run := strings.ReplaceAll(base.Run[len(base.Run)-1], "/usr/local/bin", bin)
		if out, err := exec.Command("env", "-i", "PATH=/bin", "sh", "-e", "-c", run).CombinedOutput(); err != nil {
			t.Errorf("%s: its base runs\n%s\n%v: %s", b.name, run, err, out)
		}
		if program, err := os.ReadFile(filepath.Join(bin, b.name+"-service")); err != nil || string(program) != b.script {
			t.Errorf("%s: %v; its base has another script:\n%s", b.name, err, program)
		}
	}
	if strings.Contains(out.String()+warnings.String(), c.Service("redis").Environment["REDIS_PASSWORD"]) {
		t.Errorf("a password is printed: %s%s", &out, &warnings)
	}
}

func TestAServerThatIsWantedIsOffered(t *testing.T) {
	l := &Layout{}
	s := &service{name: "a", facts: facts{wants: []want{{host: "localhost", port: "5432", where: "x:1"}, {host: "cache", port: "6379", where: "x:2"}, {host: "mail", port: "25", where: "x:3"}, {host: "localhost", port: "5672", where: "x:4"}}}}
	l.sayWants(s)
	want := []string{
		"x:1: localhost:5432 is the container itself, where nothing else runs: name a service there; jarloop init --with postgresql adds one",
		"x:2: cache:6379 is none of the services; jarloop init --with redis adds one",
		"x:3: mail:25 is none of the services",
		"x:4: localhost:5672 is the container itself, where nothing else runs: name a service there; jarloop init --with rabbitmq adds one",
	}
	if diff := cmp.Diff(want, s.notes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAServerThatIsNotKnownIsAnErrorThatNamesThoseThatAre(t *testing.T) {
	l := &Layout{Dir: "/host", services: []*service{{name: "redis"}}}
	if err := l.With([]string{"oracle"}); err == nil || err.Error() != "--with oracle is not known; there are: postgresql, mariadb, redis, rabbitmq, mail" {
		t.Errorf("%v", err)
	}
	if err := l.With([]string{"redis"}); err == nil || !strings.Contains(err.Error(), "is called redis already") {
		t.Errorf("%v", err)
	}
}
