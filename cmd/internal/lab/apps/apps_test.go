package apps

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const checkout = "../../../.."

func TestTheJDKThatBuildsAnApplication(t *testing.T) {
	folder, javac := t.TempDir(), filepath.Join("bin", "javac")
	for name, version := range map[string]string{"a-jre": "25.0.1", "b-old": "1.8.0_402", "c-17": "17.0.15", "d-none": ""} {
		home := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Join(home, "bin"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, "release"), []byte("IMPLEMENTOR=\"x\"\nJAVA_VERSION=\""+version+"\"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if name == "a-jre" {
			continue
		}
		if err := os.WriteFile(filepath.Join(home, javac), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	helidon := Application{Name: "helidon"}
	home, err := helidon.javaHome(folder)
	if want := (NoJDKError{"helidon", 21}); !errors.Is(err, want) || !strings.Contains(err.Error(), "helidon is built by a JDK of version 21 or newer, and none lies below") {
		t.Errorf("without one that is new enough: %q, %v", home, err)
	}
	if err := os.WriteFile(filepath.Join(folder, "a-jre", javac), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if home, err := helidon.javaHome(folder); err != nil || home != filepath.Join(folder, "a-jre") {
		t.Errorf("with one: %q, %v", home, err)
	}
	t.Setenv("JAVA_HOME", "/opt/jdk")
	if home, err := (Application{Name: "javalin"}).javaHome(folder); err != nil || home != "/opt/jdk" {
		t.Errorf("of another application: %q, %v", home, err)
	}
}

func TestEveryApplicationHasCommandsAndOneVersion(t *testing.T) {
	all, err := os.ReadDir(filepath.Join(checkout, "cmd/jarloop/testdata/apps"))
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, e := range all {
		if !e.IsDir() {
			continue
		}
		tried++
		t.Run(e.Name(), func(t *testing.T) {
			a, err := Find(checkout, e.Name())
			if err != nil || a.Commands == "" {
				t.Fatalf("%q, %v", a.Commands, err)
			}
			source := filepath.Join(t.TempDir(), "source")
			if err := a.CopySource(t.Context(), source); err != nil {
				t.Fatal(err)
			}
			before, err := a.hash([]string{"version 2"})
			if err != nil {
				t.Fatal(err)
			}
			if err := Edit(source, "version 2"); err != nil {
				t.Fatal(err)
			}
			a.Source = source
			if after, err := a.hash([]string{"version 2"}); err != nil || after == before {
				t.Errorf("what is edited counts as the same: %v", err)
			}
			if err := Edit(source, "version 3"); err == nil {
				t.Error("what is edited has the version from before")
			}
		})
	}
	if tried < 10 {
		t.Errorf("%d applications", tried)
	}
	if _, err := Find(checkout, "no-such"); err == nil {
		t.Error("an application is found that is not there")
	}
}
