package watcher

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sight is one scan of a story: at a time in milliseconds the folder holds
// these files ("name:size:version"), or has a problem ("!text"); and the words
// for what the decider must want done then. Where that is to take the files,
// they are found as the version says: "bad…" is not whole.
type sight struct {
	at    int
	files string
	want  string
}

var stories = []struct {
	name  string
	runs  string
	owed  bool
	story []sight
}{
	{"files that are still are taken and reported once", "*", false, []sight{
		{0, "a.jar:5:v1", "changed a.jar, wait 50ms"},
		{50, "a.jar:5:v1", "take, ready"},
		{55, "a.jar:5:v1", "rest"},
		{9000, "a.jar:5:v1", "rest"},
	}},
	{"every change begins the stillness anew", "*", false, []sight{
		{0, "a.jar:5:v1", "changed a.jar, wait 50ms"},
		{40, "a.jar:6:v2", "wait 50ms"},
		{80, "a.jar:7:v3", "wait 50ms"},
		{130, "a.jar:7:v3", "take, ready"},
	}},
	{"what is not whole is refused when patience is over, once", "*", false, []sight{
		{0, "a.jar:5:bad1", "changed a.jar, wait 50ms"},
		{50, "a.jar:5:bad1", "take"},
		{55, "a.jar:5:bad1", "wait 3.445s"},
		{3500, "a.jar:5:bad1", "take for good, refused bad1"},
		{3505, "a.jar:5:bad1", "rest"},
		{9000, "a.jar:5:bad1", "rest"},
	}},
	{"the same bad bytes touched are not refused again", "*", false, []sight{
		{0, "a.jar:5:bad1", "changed a.jar, wait 50ms"},
		{3800, "a.jar:5:bad1", "take for good, refused bad1"},
		{3900, "a.jar:5:bad1 touched", "wait 50ms"},
		{7700, "a.jar:5:bad1 touched", "take for good"},
		{7800, "a.jar:5:bad1 touched", "rest"},
	}},
	{"a refused file that becomes whole is reported", "*", false, []sight{
		{0, "a.jar:5:bad1", "changed a.jar, wait 50ms"},
		{3800, "a.jar:5:bad1", "take for good, refused bad1"},
		{3900, "a.jar:6:v1", "changed a.jar, wait 50ms"},
		{3950, "a.jar:6:v1", "take, ready"},
	}},
	{"going back to what was reported last ends a refusal", "*", false, []sight{
		{0, "a.jar:5:v1", "changed a.jar, wait 50ms"},
		{50, "a.jar:5:v1", "take, ready"},
		{100, "a.jar:5:bad1", "wait 50ms"},
		{3900, "a.jar:5:bad1", "take for good, refused bad1"},
		{4000, "a.jar:5:v1", "wait 50ms"},
		{4050, "a.jar:5:v1", "take, same"},
	}},
	{"a rewrite with the same bytes is silence, but closes a change that was reported", "*", false, []sight{
		{0, "a.jar:5:v1", "changed a.jar, wait 50ms"},
		{50, "a.jar:5:v1", "take, ready"},
		{100, "a.jar:5:v1 touched", "wait 50ms"},
		{150, "a.jar:5:v1 touched", "take"},
		{200, "a.jar:0:", "changed a.jar, wait 700ms"},
		{210, "a.jar:5:v1 again", "wait 50ms"},
		{260, "a.jar:5:v1 again", "take, same"},
	}},
	{"a deleted JAR is no change, however long it is away", "*", false, []sight{
		{0, "a.jar:5:v1 c.yml:1:v1", "changed a.jar c.yml, wait 50ms"},
		{50, "a.jar:5:v1 c.yml:1:v1", "take, ready"},
		{100, "c.yml:1:v1", "rest"},
		{9000, "c.yml:1:v1", "rest"},
		{9100, "", "rest"},
		{20000, "", "rest"},
		{20100, "a.jar:5:v1 c.yml:1:v1", "rest"},
	}},
	{"a file that vanishes beside the JAR counts after two seconds", "*", false, []sight{
		{0, "a.jar:5:v1 c.yml:1:v1", "changed a.jar c.yml, wait 50ms"},
		{50, "a.jar:5:v1 c.yml:1:v1", "take, ready"},
		{100, "a.jar:5:v1", "wait 2s"},
		{2099, "a.jar:5:v1", "wait 1ms"},
		{2100, "a.jar:5:v1", "take, ready"},
	}},
	{"a renamed JAR counts after two seconds", "*", false, []sight{
		{0, "a.jar:5:v1", "changed a.jar, wait 50ms"},
		{50, "a.jar:5:v1", "take, ready"},
		{100, "b.jar:5:v1", "changed b.jar, wait 2s"},
		{2100, "b.jar:5:v1", "take, ready"},
	}},
	{"the JAR that is run may be deleted while its libraries stay", "a.jar", false, []sight{
		{0, "a.jar:5:v1 lib/l.jar:1:v1", "changed a.jar lib/l.jar, wait 50ms"},
		{50, "a.jar:5:v1 lib/l.jar:1:v1", "take, ready"},
		{100, "lib/l.jar:1:v1", "rest"},
		{9000, "lib/l.jar:1:v1", "rest"},
	}},
	{"the JAR that is run under another name is missed with the remedy, once", "a.jar", false, []sight{
		{0, "b.jar:5:v1", "wait 2s"},
		{2000, "b.jar:5:v1", "missing a.jar is not there, and it is what the command runs; build it, or name the right one in exec (there is: b.jar)"},
		{2800, "b.jar:6:v2", "rest"},
		{9000, "b.jar:6:v2", "rest"},
		{9100, "b.jar:6:v2 c.jar:5:v1", "wait 2s"},
		{11100, "b.jar:6:v2 c.jar:5:v1", "missing a.jar is not there"},
		{12000, "a.jar:5:v1", "changed a.jar, wait 1s"},
		{13000, "a.jar:5:v1", "take, ready"},
		{13060, "", "rest"},
		{20000, "b.jar:6:v2", "wait 2s"},
		{22000, "b.jar:6:v2", "missing a.jar is not there"},
	}},
	{"files beside a JAR that is not built yet wait for it, which is said once", "a.jar", false, []sight{
		{0, "c.yml:1:v1", "wait 2s"},
		{2000, "c.yml:1:v1", "missing a.jar is not there, and it is what the command runs; build it, or name"},
		{9000, "c.yml:2:v2", "rest"},
		{10000, "a.jar:5:v1 c.yml:2:v2", "changed a.jar c.yml, wait 1s"},
		{11000, "a.jar:5:v1 c.yml:2:v2", "take, ready"},
	}},
	{"a JAR that is built soon is not missed", "a.jar", false, []sight{
		{0, "c.yml:1:v1", "wait 2s"},
		{1900, "a.jar:5:v1 c.yml:1:v1", "changed a.jar c.yml, wait 1s"},
	}},
	{"the first build of a JAR that gets its libraries later is waited for", "*", false, []sight{
		{0, "", "rest"},
		{5000, "a.jar:5:v1", "changed a.jar, wait 1s"},
		{5400, "a.jar:5:v1", "wait 600ms"},
		{5600, "a.jar:5:v1 a-shaded.jar:200:v1", "wait 1.2s"},
		{6000, "a.jar:5:v1 a-shaded.jar:900:v2", "wait 1"},
		{6900, "a.jar:900:v2", "wait "},
		{9900, "a.jar:900:v2", "take, ready"},
		{30000, "a.jar:901:v3", "changed a.jar, wait 1.2s"}, // as the build before
	}},
	{"a JAR that lies there from the start is taken at once", "*", false, []sight{
		{0, "a.jar:5:v1", "changed a.jar, wait 50ms"},
	}},
	{"a service that runs no JAR needs none", "", false, []sight{
		{0, "nginx.conf:5:v1", "changed nginx.conf, wait 50ms"},
		{50, "nginx.conf:5:v1", "take, ready"},
	}},
	{"a file that becomes empty is about to be written", "", false, []sight{
		{0, "nginx.conf:5:v1", "changed nginx.conf, wait 50ms"},
		{50, "nginx.conf:5:v1", "take, ready"},
		{100, "nginx.conf:0:", "changed nginx.conf, wait 700ms"},
		{400, "nginx.conf:5:v2", "wait 500ms"}, // the first that is written
		{900, "nginx.conf:5:v2", "take, ready"},
	}},
	{"or it is to be empty", "", false, []sight{
		{0, "nginx.conf:5:v1 marker:0:", "changed marker nginx.conf, wait 700ms"},
		{700, "nginx.conf:5:v1 marker:0:", "take, ready"},
		{800, "nginx.conf:5:v2 marker:0:", "wait 500ms"},
		{1300, "nginx.conf:5:v2 marker:0:", "take, ready"},
		{9000, "nginx.conf:5:v3 marker:0:", "wait 50ms"},
	}},
	{"files of which none can be run are said to be of no use", "*", false, []sight{
		{0, "c.yml:1:v1 lib/a.jar:5:v1", "wait 2s"},
		{2000, "c.yml:1:v1 lib/a.jar:5:v1", "missing there is no JAR or WAR at the top of the folder; build it, or say in exec what to run (there is: lib/a.jar)"},
	}},
	{"a problem of the folder is refused when patience is over", "*", false, []sight{
		{0, "!a.jar: is a FIFO", "wait 700ms"},
		{700, "!a.jar: is a FIFO", "refused a.jar: is a FIFO"},
		{800, "!a.jar: is a FIFO", "rest"},
		{900, "a.jar:5:v1", "changed a.jar, wait 50ms"},
		{950, "a.jar:5:v1", "take, ready"},
	}},
	{"a change that goes away again is closed", "*", false, []sight{
		{0, "a.jar:0:", "changed a.jar, wait 700ms"},
		{40, "", "wait 2s"},
		{2040, "", "missing there is no artefact yet"},
		{2100, "", "rest"},
	}},
	{"a JAR in pieces is waited for without a refusal, and taken at once when it is whole", "*", false, []sight{
		{0, "a.jar:1:bad1", "changed a.jar, wait 50ms"},
		{50, "a.jar:1:bad1", "take"},
		{2500, "a.jar:2:bad1", "wait 50ms"},
		{2550, "a.jar:2:bad1", "take"},
		{5000, "a.jar:3:bad1", "wait 50ms"},
		{5050, "a.jar:3:bad1", "take"},
		{7500, "a.jar:4:v1", "wait 50ms"},
		{7550, "a.jar:4:v1", "take, ready a.jar"},
	}},
	{"a file that nothing tells the end of is waited for as long as its pieces took", "", false, []sight{
		{0, "app:1:v1", "changed app, wait 50ms"},
		{400, "app:2:v2", "wait 500ms"},
		{800, "app:3:v3", "wait 800ms"},
		{1599, "app:3:v3", "wait 1ms"},
		{1600, "app:3:v3", "take, ready app"},
	}},
	{"a thin JAR is waited with for its libraries", "*", false, []sight{
		{0, "a.jar:4000:v1", "changed a.jar, wait 50ms"},
		{50, "a.jar:4000:v1", "take, ready a.jar"},
		{9000, "a.jar:10:v2", "changed a.jar, wait 3.5s"},
		{10000, "a.jar:2000:bad1", "wait 50ms"},
		{10050, "a.jar:2000:bad1", "take"},
		{11000, "a.jar:4100:v3", "wait 50ms"},
		{11050, "a.jar:4100:v3", "take, ready a.jar"},
		{19000, "a.jar:10:v4", "changed a.jar, wait 3.5s"},
		{22500, "a.jar:10:v4", "take for good, ready a.jar"},
	}},
	{"a build that has removed what ran is waited for, whatever it makes first", "*", false, []sight{
		{0, "quarkus-app/quarkus-run.jar:5:v1", "changed quarkus-app/quarkus-run.jar, wait 50ms"},
		{50, "quarkus-app/quarkus-run.jar:5:v1", "take, ready"},
		{9000, "", "rest"},
		{10000, "a.jar:5:bad1", "changed a.jar, wait 2s"},
		{12000, "a.jar:5:bad1", "take"}, // it has no Main-Class
		{12010, "a.jar:5:bad1", "wait 32.99s"},
		{20000, "a.jar:5:bad1 quarkus-app/quarkus-run.jar:5:v2", "wait 50ms"},
	}},
	{"what a build wrote in two steps is waited for the next time", "*", false, []sight{
		{0, "a.jar:5:v1 b.jar:5:v1", "changed a.jar b.jar, wait 50ms"},
		{50, "a.jar:5:v1 b.jar:5:v1", "take, ready"},
		{9000, "a.jar:5:v2 b.jar:5:v1", "wait 50ms"},
		{9050, "a.jar:5:v2 b.jar:5:v1", "take, ready a.jar"},
		{10000, "a.jar:5:v2 b.jar:5:v2", "wait 2s"}, // fooled once
		{12000, "a.jar:5:v2 b.jar:5:v2", "take, ready b.jar"},
		{20000, "a.jar:5:v3 b.jar:5:v2", "wait 2s"},
		{21000, "a.jar:5:v3 b.jar:5:v3", "wait 50ms"}, // all of it: at once
		{21050, "a.jar:5:v3 b.jar:5:v3", "take, ready a.jar b.jar"},
		{30000, "a.jar:5:v4 b.jar:5:v3", "wait 2s"},
		{32000, "a.jar:5:v4 b.jar:5:v3", "take, ready a.jar"},
		{40000, "a.jar:5:v5 b.jar:5:v3", "wait 50ms"}, // it was one of the two the last time
		{40050, "a.jar:5:v5 b.jar:5:v3", "take, ready a.jar"},
	}},
	{"a file alone is not waited with for others that a build wrote", "", false, []sight{
		{0, "", "rest"},
		{10, "a.class:5:v1", "changed a.class, wait 500ms"},
		{200, "a.class:5:v1 b.class:5:v1", "wait 500ms"},
		{700, "a.class:5:v1 b.class:5:v1", "take, ready"},
		{9000, "a.class:5:v1 b.class:5:v1 c.yml:5:v1", "changed c.yml, wait 50ms"},
	}},
	{"while somebody writes under another name the others wait", "", false, []sight{
		{0, "", "rest"},
		{10, "a.class:5:v1 tmp:1:v1", "changed a.class, wait 3s"},
		{200, "a.class:5:v1 tmp:2:v2", "wait 3s"},
		{400, "a.class:5:v1 b.class:2:v2", "wait 780ms"},
		{1180, "a.class:5:v1 b.class:2:v2", "take, ready"},
		{9000, "a.class:5:v1 b.class:2:v2 tmp:1:v1", "rest"},
		{9100, "a.class:5:v2 b.class:2:v2 tmp:1:v1", "wait 3s"},
		{12100, "a.class:5:v2 b.class:2:v2 tmp:1:v1", "take, ready a.class"},
		{20000, "a.class:5:v3 b.class:2:v2 tmp:1:v1", "wait 50ms"}, // nobody writes there any more
	}},
	{"a file that is written for ever under another name holds nothing up for ever", "", false, []sight{
		{0, "", "rest"},
		{10, "a.class:5:v1 tmp:1:v1", "changed a.class, wait 3s"},
		{2500, "a.class:5:v1 tmp:2:v2", "wait 3s"},
		{5000, "a.class:5:v1 tmp:3:v3", "wait 3s"},
		{29000, "a.class:5:v1 tmp:4:v4", "wait 3s"},
		{31900, "a.class:5:v1 tmp:5:v5", "wait 100ms"},
		{32000, "a.class:5:v1 tmp:6:v6", "take, ready a.class"},
	}},
	{"files of the same size and time as before are read once they have been otherwise", "*", false, []sight{
		{0, "a.jar:5:v1", "changed a.jar, wait 50ms"},
		{50, "a.jar:5:v1", "take, ready a.jar"},
		{9000, "a.jar:0:", "changed a.jar, wait 700ms"},
		{9010, "a.jar:5:v1", "wait 50ms"},
		{9060, "a.jar:5:v1", "take, same"},
		{9100, "a.jar:5:v1", "rest"},
	}},
	{"whoever asked is answered with what is known already", "*", true, []sight{
		{0, "a.jar:5:v1", "changed a.jar, wait 50ms"},
		{50, "a.jar:5:v1", "take, ready"},
		{5000, "a.jar:5:v1", "take for good, ready"},
		{6000, "", "refused there is no artefact yet"},
	}},
	{"files with times in whole seconds are read once more", "*", false, []sight{
		{0, "a.jar:5:coarse", "changed a.jar, wait 50ms"},
		{50, "a.jar:5:coarse", "take, ready"},
		{60, "a.jar:5:coarse", "wait 2.04s"},
		{2100, "a.jar:5:coarse", "take for good"},
		{2200, "a.jar:5:coarse", "rest"},
	}},
}

// TestARefusalIsTakenBackWhenTheFilesAreThereAgain asks for files that are away
// for a moment, as when a build has cleaned up, and come back as they were.
func TestARefusalIsTakenBackWhenTheFilesAreThereAgain(t *testing.T) {
	for _, test := range []struct {
		name string
		back string // the file when it is back
		want []string
	}{
		{"moved away and back", "a.jar:5:v1", []string{"wait 50ms", "take for good, same"}},
		{"built anew with the same bytes", "a.jar:5:v1 touched", []string{"wait 50ms", "take for good, same"}},
		{"built anew with others", "a.jar:6:v2", []string{"changed a.jar, wait 50ms", "take for good, ready a.jar"}},
		{"refused before", "a.jar:5:bad1", []string{"wait 1s", "take for good, same"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := decider{service: Service{Runs: "*"}, settle: 50 * time.Millisecond, patience: 700 * time.Millisecond}
			zero, first := time.Now(), "a.jar:5:v1"
			if strings.Contains(test.back, "bad") {
				first = test.back
			}
			see := func(seconds float64, files string, owed bool) string {
				return live(&s, zero.Add(time.Duration(seconds*float64(time.Second))), parse(files), owed)
			}
			see(0, first, false)
			see(4, first, false)
			if got := see(5, "", true); !strings.HasPrefix(got, "refused there is no artefact yet") {
				t.Fatalf("asked for nothing: %q", got)
			}
			see(5.1, "", false)
			for i, want := range test.want {
				if got := see(6+4*float64(i), test.back, false); got != want {
					t.Fatalf("look %d: %q, want %q", i, got, want)
				}
			}
			if got := see(19, test.back, false); got != "rest" {
				t.Errorf("afterwards: %q", got)
			}
		})
	}
}

func TestDecider(t *testing.T) {
	for _, test := range stories {
		t.Run(test.name, func(t *testing.T) {
			s := decider{service: Service{Runs: test.runs}, settle: 50 * time.Millisecond, patience: 700 * time.Millisecond}
			zero := time.Now()
			for _, see := range test.story {
				now := zero.Add(time.Duration(see.at) * time.Millisecond)
				if got := live(&s, now, parse(see.files), test.owed); !strings.HasPrefix(got, see.want) || see.want == "rest" && got != "rest" {
					t.Fatalf("at %d ms with %q: %q, want %q", see.at, see.files, got, see.want)
				}
			}
		})
	}
}

// live does one step and puts it into words.
func live(s *decider, now time.Time, seen snapshot, owed bool) string {
	st := s.next(now, seen, owed)
	events := st.events
	var words []string
	if st.do == take {
		words = append(words, "take")
		if st.final {
			words[0] = "take for good"
		}
		events = append(events, s.conclude(fake(seen), st.final, owed)...)
	}
	for _, e := range events {
		word := e.Kind.String()
		for _, c := range e.Changes {
			word += " " + c.Name
		}
		if e.Kind == Refused || e.Kind == Missing {
			word += " " + e.Reason
		}
		words = append(words, word)
	}
	if st.do == wait {
		words = append(words, fmt.Sprintf("wait %v", st.wait))
	}
	if len(words) == 0 {
		return "rest"
	}
	return strings.Join(words, ", ")
}

// parse makes the snapshot that a sight describes. A version is in the change
// time, so that each gives a fingerprint of its own.
func parse(text string) snapshot {
	if problem, ok := strings.CutPrefix(text, "!"); ok {
		return snapshot{problem: problem}
	}
	var s snapshot
	touched := int64(0)
	for field := range strings.FieldsSeq(text) {
		parts := strings.Split(field, ":")
		if len(parts) == 1 { // "touched", "again"
			touched = int64(len(field))
			continue
		}
		e := entry{name: parts[0]}
		e.size, _ = strconv.ParseInt(parts[1], 10, 64)
		e.mode = unix.S_IFREG | 0o644
		for _, r := range parts[2] {
			e.ino = e.ino*31 + uint64(r)
		}
		if parts[2] != "coarse" {
			e.ctime.nsec = 1
		}
		if e.name == "tmp" {
			s.unfinished = append(s.unfinished, e)
			continue
		}
		s.entries = append(s.entries, e)
	}
	for i := range s.entries {
		s.entries[i].mtime.sec = touched
	}
	slices.SortFunc(s.entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return s
}

var bad1 = parse("a.jar:5:bad1").entries[0].ino

// fake finds what a sight says: the files' versions, which the inode numbers
// stand for.
func fake(seen snapshot) found {
	var f found
	for _, e := range seen.entries {
		f.set.Files = append(f.set.Files, File{Name: e.name, Size: e.size, SHA256: fmt.Sprint(e.ino)})
		if e.ino == bad1 {
			f.reason = "bad1"
		}
	}
	f.set.ID = identify(f.set.Files)
	return f
}
