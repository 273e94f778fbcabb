package deployer

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/watcher"
)

func TestTheCommandRunsWhatTheWatcherHasChosen(t *testing.T) {
	thin, fat := "Manifest-Version: 1.0\n\n", "Manifest-Version: 1.0\nMain-Class: app.Main\n\n"
	for _, c := range []struct {
		name, exec, runs string
		files            map[string]string // name → manifest
		want, fails      string
	}{
		{"the one JAR", "", "", map[string]string{"app 1.jar": fat, "lib/x.jar": thin}, "java -jar '/web/app 1.jar'", ""},
		{"an executable WAR", "", "*", map[string]string{"app.war": fat, "application.yml": ""}, "java -jar /web/app.war", ""},
		{"of several the one with a Main-Class", "", "", map[string]string{"app.jar": thin, "app-all.jar": fat}, "java -jar /web/app-all.jar", ""},
		{"two of them", "", "", map[string]string{"old.jar": fat, "app.jar": fat}, "", "2 JARs with a Main-Class"},
		{"a Quarkus folder", "", "", map[string]string{"quarkus-app/quarkus-run.jar": fat, "app.jar": thin}, "java -jar /web/quarkus-app/quarkus-run.jar", ""},
		{"a start script beside its libraries", "", "", map[string]string{"bin/app": "", "bin/app.bat": "", "lib/app.jar": thin}, "/web/bin/app", ""},
		{"nothing", "", "", map[string]string{"lib/app.jar": thin}, "", "there is no JAR or WAR at the top"},
		{"what exec names", "java -jar app.jar x", "app.jar", map[string]string{"app.jar": fat, "b.jar": fat}, "java -jar app.jar x", ""},
		{"a pattern in exec", "java -jar ./*.jar x", "*.jar", map[string]string{"app.jar": fat, "b.jar": thin}, "java -jar ./app.jar x", ""},
		{"its whole path", "java -jar /web/*.jar", "*.jar", map[string]string{"app.jar": fat, "b.jar": thin}, "java -jar /web/app.jar", ""},
		{"nothing of ours", "nginx", "", map[string]string{"a.conf": ""}, "nginx", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := watcher.Set{Dir: t.TempDir()}
			for name, manifest := range c.files {
				set.Files = append(set.Files, watcher.File{Name: name})
				archive(t, filepath.Join(set.Dir, name), manifest)
			}
			got, err := commandOf(Service{Target: "/web", Exec: c.exec, Runs: c.runs}, set)
			if c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) || c.fails == "" && err != nil || got.Line != c.want {
				t.Errorf("%q, %v; want %q %s", got.Line, err, c.want, c.fails)
			}
		})
	}
}

func archive(t *testing.T, name, manifest string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	w, err := z.Create("META-INF/MANIFEST.MF")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(manifest)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}
