package watcher

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"
)

func TestAJARIsReadForWhatItRuns(t *testing.T) {
	class := string([]byte{0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 65})
	for _, test := range []struct {
		name  string
		files map[string]string
		want  JAR
	}{
		{"a main class", map[string]string{"META-INF/MANIFEST.MF": "Main-Class: a.Main\n", "a/Main.class": class}, JAR{"a.Main", 65}},
		{"Spring Boot", map[string]string{"META-INF/MANIFEST.MF": "Main-Class: l.Launcher\nStart-Class: a.Main\n", "BOOT-INF/classes/a/Main.class": class}, JAR{"l.Launcher", 65}},
		{"a class that is not there", map[string]string{"META-INF/MANIFEST.MF": "Main-Class: a.Main\n"}, JAR{"a.Main", 0}},
		{"a class that is none", map[string]string{"META-INF/MANIFEST.MF": "Main-Class: a.Main\n", "a/Main.class": "nonsense"}, JAR{"a.Main", 0}},
		{"no manifest", map[string]string{"x": ""}, JAR{}},
	} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for name, content := range test.files {
			w, err := z.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(content)); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadJAR(bytes.NewReader(b.Bytes()), int64(b.Len())); err != nil || got != test.want {
			t.Errorf("%s: %v, %v, want %v", test.name, got, err, test.want)
		}
	}
	for _, content := range []string{"", "no archive"} {
		if got, err := ReadJAR(strings.NewReader(content), int64(len(content))); err == nil {
			t.Errorf("%q is %v", content, got)
		}
	}
}
