package page

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer/history"
)

func TestAServiceIsShownWithItsDeploysAndWhyOneFailed(t *testing.T) {
	r := newRig(t)
	book, err := history.Open(r.Folders.History)
	if err != nil {
		t.Fatal(err)
	}
	err = book.Amend("frontend", func(p *history.Page) {
		for n := range 60 {
			p.Entries = append(p.Entries, history.Entry{
				Time: time.Now(), Generation: fmt.Sprintf("frontend-%d", n), Set: fmt.Sprintf("set%d", n), Outcome: history.Live,
				Took: time.Second, Steps: []history.Step{{Name: "prove", Took: time.Millisecond}},
			})
		}
		p.Entries = append(p.Entries, history.Entry{
			Generation: "frontend-60", Set: "set60", Outcome: history.Failed, Reason: "prove: \x1b[31mno", Step: "prove",
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(r.Folders.Sets, "frontend", "set59", "a.jar"), "x")
	put(t, filepath.Join(r.Folders.Logs, "frontend", "60", "reports", "out"),
		"hello\n12:00 ERROR broke\njava.lang.IllegalStateException: <script>\x1b[2J\n\tat a.B.c(B.java:1)\nCaused by: x.Y: z\n\tat d.E.f(E.java:2)\n")
	var got Whole
	r.get("/api/service/frontend", &got)
	if len(got.Deploys) != mostDeploys || got.Deploys[0].Generation != "frontend-60" || got.Service.Service != "frontend" || got.Service.Memory != 0 {
		t.Fatalf("%d deploys of %+v", len(got.Deploys), got.Service)
	}
	failed, live := got.Deploys[0], got.Deploys[1]
	if want := "12:00 ERROR broke|java.lang.IllegalStateException: <script>|\tat a.B.c(B.java:1)|Caused by: x.Y: z|\tat d.E.f(E.java:2)"; strings.Join(failed.Trace, "|") != want {
		t.Errorf("the trace is %q", failed.Trace)
	}
	if failed.Reason != "prove: no" || failed.Step != "prove" || failed.Previous != "set59" || !failed.Printed || failed.Kept {
		t.Errorf("the failed one is %+v", failed)
	}
	if !live.Kept || live.Printed || live.Previous != "set58" || len(live.Steps) != 1 || live.Steps[0].Name != "prove" {
		t.Errorf("the live one is %+v", live)
	}
	if len(got.Sets) != 1 || got.Sets[0] != "set59" {
		t.Errorf("to go back to there are %q", got.Sets)
	}
	if status, _, text := r.do(http.MethodGet, "/api/service/none", ""); status != http.StatusNotFound || !strings.Contains(text, "frontend") {
		t.Errorf("one that there is not: %d %s", status, text)
	}
}

// jar gives a JAR with so many classes of that content.
func jar(t *testing.T, classes int, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for n := range classes {
		e, err := w.Create(fmt.Sprintf("a/C%d.class", n))
		if err == nil {
			_, err = e.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWhatDiffersBetweenTwoSetsIsShownAndBounded(t *testing.T) {
	r := newRig(t)
	set := func(id, name, text string) { put(t, filepath.Join(r.Folders.Sets, "frontend", id, name), text) }
	set("aaa1", "App.jar", jar(t, mostNames+9, "1"))
	set("bbb2", "App.jar", jar(t, mostNames+9, "2"))
	set("bbb2", "new\x07.txt", "x")
	var got Changes
	r.get("/api/service/frontend/changes?from=aaa&to=bbb", &got)
	if got.From != "aaa1" || got.To != "bbb2" || len(got.Files) != 1 || got.Files[0].Name != "App.jar" || got.Files[0].What != "changed" ||
		len(got.Files[0].Inside) != mostNames-1 || got.More != 11 {
		t.Errorf("%s to %s: %d files, %d more", got.From, got.To, len(got.Files), got.More)
	}
	for query, want := range map[string]int{"from=aaa&to=c": 404, "from=aaa": 400, "from=&to=": 400} {
		if status, _, text := r.do(http.MethodGet, "/api/service/frontend/changes?"+query, ""); status != want {
			t.Errorf("%s: %d %s", query, status, text)
		}
	}
}
