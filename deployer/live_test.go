package deployer

import (
	"os"
	"testing"
)

func TestLiveOfIsTheNewestThatItsRecordCallsLive(t *testing.T) {
	w := newWorld(t)
	record := func(folder string, r Record) {
		t.Helper()
		if err := os.Mkdir(w.Folder(folder), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := r.write(w.Folder(folder)); err != nil {
			t.Fatal(err)
		}
	}
	wants := func(service, want string) {
		t.Helper()
		name, running, err := LiveOf(t.Context(), w, service)
		if err != nil || name != want || running {
			t.Errorf("live of %s is %q, running %v, %v; want %q, stopped", service, name, running, err, want)
		}
	}
	wants("a", "")
	record("a-1", Record{Service: "a", Number: 1, Phase: Draining})
	wants("a", "")
	record("a-9", Record{Service: "a", Number: 9, Phase: Live})
	record("a-10", Record{Service: "a", Number: 10, Phase: Live}) // 9 had not begun to drain
	record("a-11", Record{Service: "a", Number: 11, Phase: Candidate})
	record("a-b-12", Record{Service: "a-b", Number: 12, Phase: Live})
	record("a-13", Record{Service: "a", Number: 7, Phase: Live}) // a copy of another's
	if err := os.Mkdir(w.Folder("a-14"), 0o755); err != nil {
		t.Fatal(err)
	}
	wants("a", "a-10")
	wants("a-b", "a-b-12")

	r := newRunning(t, nil)
	if name, running, err := LiveOf(t.Context(), r.w, "b"); err != nil || name != "b-1" || !running {
		t.Errorf("live of b is %q, running %v, %v; want b-1, running", name, running, err)
	}
}
