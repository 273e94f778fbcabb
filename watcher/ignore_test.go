package watcher

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// leftBehind are names that people's tools make, of which none is an artefact.
var leftBehind = []string{
	// writers in progress
	".app.jar.aB3xYz", ".config.yml.123456", ".~tmp~/app.jar", ".rsync-partial/app.jar", "app.jar.filepart", "app.jar.part",
	"app.jar.crdownload", "app.jar.tmp", "sedAb3dEf", "4913", ".goutputstream-A1B2C3", "config.yml___jb_tmp___",
	"config.yml___jb_old___", ".mutagen-temporary-x", ".syncthing.app.jar.tmp", "config.yml.sb-8c1a2b3d-aB3xYz",
	"app.jar.a1b2c3d4.partial", ".in.app.jar.",
	// editors
	".config.yml.swp", ".config.yml.swx", "config.yml~", "#config.yml#", ".config.yml.un~", ".config.yml.kate-swp",
	".idea/workspace.xml", ".vscode/settings.json", "~$notes.docx", ".~lock.notes.odt#",
	".settings/org.eclipse.jdt.core.prefs", ".project", ".classpath", "app.iml", ".gradle/8.5/fileHashes/fileHashes.bin", ".kotlin/sessions/x",
	// desktops
	".DS_Store", "._app.jar", "Thumbs.db", "desktop.ini", ".directory", ".Trash-1000/files/app.jar", "Icon\r", "__MACOSX/._app.jar", ".apdisk",
	// a JVM that was run here
	"hs_err_pid4711.log", "replay_pid4711.log", "java_pid4711.hprof",
	// shares
	".nfs000000000012", ".fuse_hidden0000001200000001", ".__smb0001", ".smbdelete1",
	// version control, builds
	".git/HEAD", ".gitignore", ".gitkeep", ".hg/store", ".svn/entries", "app.jar.original",
}

func TestWhatToolsLeaveIsNoArtefact(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "volume-app")
	want := map[string][]byte{
		"app.jar": jar(t, "text"), ".env": []byte("A=1"), ".env.docker": []byte("A=2"), ".well-known/acme": []byte("x"),
		"tmp/part/app.yml": []byte("x"), "sedation": []byte("x"), "lib/x.config": []byte("x"), "#1.yml": []byte("x"), "project/app.yml": []byte("x"), ".input.yml": []byte("x"),
	}
	for name, data := range want {
		write(t, filepath.Join(dir, name), data)
	}
	leave := func() {
		for _, name := range leftBehind {
			write(t, filepath.Join(dir, name), []byte("x"))
			write(t, filepath.Join(dir, "lib", name), []byte("x"))
		}
		must(t, os.Symlink("me@laptop.1234:5678", filepath.Join(dir, ".#config.yml"))) // Emacs' lock
	}
	leave()
	r := start(t, root)
	first := r.ready()
	has(t, first, want)
	for _, name := range leftBehind {
		must(t, os.RemoveAll(filepath.Join(dir, strings.Split(name, "/")[0])))
	}
	must(t, os.Remove(filepath.Join(dir, ".#config.yml")))
	leave()
	must(t, r.w.Resend())
	if e := r.next(Ready); e.Set.ID != first.ID {
		t.Errorf("what tools have left anew makes a set of its own: %+v", e.Set.Files)
	}
}

func TestWhatIsIgnoredCountsBeforeFilesDo(t *testing.T) {
	m, err := newMatcher([]string{"*.jar", "conf/*", "app.tmp", ".git/HEAD"}, []string{"*-x.jar", "conf/local.yml", "old", "log.tmp"})
	must(t, err)
	for name, want := range map[string]bool{
		"app.jar": false, "app-x.jar": true, "conf/app-x.jar": true,
		"conf/local.yml": true, "other/conf/local.yml": false, "old": true, "conf/old": true, "conf/older": false,
		"a.tmp": true, "log.tmp": true, "app.tmp": false, ".git": false, ".git/HEAD": false, "conf/.git": true,
	} {
		got, unfinished := m.ignores(name, filepath.Base(name))
		if got != want || unfinished != (name == "a.tmp") {
			t.Errorf("%s is ignored: %v, want %v; unfinished: %v", name, got, want, unfinished)
		}
	}
}

func TestWrongPattern(t *testing.T) {
	for pattern, want := range map[string]string{
		"*.jar": "", "lib/[a-z]*.jar": "", ".env": "", "...": "",
		"":            "take it out",
		"[a":          "close its brackets",
		"!app.jar":    "takes nothing back",
		"/host/x.jar": "relative to source",
		"../x.jar":    "relative to source",
		"a/../../x":   "relative to source",
		"..":          "relative to source",
		".":           "is the folder itself",
		"./":          "is the folder itself",
		"./x.jar":     `write "x.jar"`,
		"lib/":        `write "lib"`,
		"a//b":        `write "a/b"`,
		`lib\*.jar`:   `write "/"`,
		"lib/**":      "name each folder",
	} {
		if got := WrongPattern(pattern); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q %s, want %q", pattern, got, want)
		}
	}
}

// BenchmarkIgnoring is what a look at a file that is none of them costs more.
func BenchmarkIgnoring(b *testing.B) {
	m := matcher{tools: true}
	for b.Loop() {
		if ignored, _ := m.ignores("app/lib/spring-core-6.1.0.jar", "spring-core-6.1.0.jar"); ignored {
			b.Fatal("ignored")
		}
	}
}
