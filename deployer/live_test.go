package deployer

import (
	"os"
	"testing"
)

func TestTheNewestIsFoundByItsRecord(t *testing.T) {
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
	wants := func(service string, p Phase, want string) {
		t.Helper()
		name, running, err := FindNewest(t.Context(), w, service, p)
		if err != nil || name != want || running {
			t.Errorf("%s of %s is %q, running %v, %v; want %q, stopped", p, service, name, running, err, want)
		}
	}
	wants("a", Live, "")
	record("a-1", Record{Service: "a", Number: 1, Phase: Draining})
	wants("a", Live, "")
	record("a-9", Record{Service: "a", Number: 9, Phase: Live})
	record("a-10", Record{Service: "a", Number: 10, Phase: Live}) // 9 had not begun to drain
	record("a-11", Record{Service: "a", Number: 11, Phase: Candidate})
	record("a-12", Record{Service: "a", Number: 12, Phase: Kept})
	record("a-b-12", Record{Service: "a-b", Number: 12, Phase: Live})
	record("a-13", Record{Service: "a", Number: 7, Phase: Live}) // a copy of another's
	if err := os.Mkdir(w.Folder("a-14"), 0o755); err != nil {
		t.Fatal(err)
	}
	wants("a", Live, "a-10")
	wants("a", Kept, "a-12")
	wants("a-b", Live, "a-b-12")
	wants("a-b", Kept, "")

	r := newRunning(t, nil)
	if name, running, err := FindNewest(t.Context(), r.w, "b", Live); err != nil || name != "b-1" || !running {
		t.Errorf("live of b is %q, running %v, %v; want b-1, running", name, running, err)
	}
}
