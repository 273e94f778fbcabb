package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/printed"
	"github.com/jarloop/jarloop/deployer"
)

// printer prints as a generation does: into its file, and then to who listens.
type printer struct {
	r       *rig
	service string
	number  int
	offset  int64
}

func (p *printer) print(text string) {
	put(p.r.t, filepath.Join(p.r.Folders.Logs, p.service, strconv.Itoa(p.number), "reports", "out"), text+"\n")
	p.offset += int64(len(text)) + 1
	p.r.Line(deployer.Line{Service: p.service, Generation: fmt.Sprintf("%s-%d", p.service, p.number), Text: text, Offset: p.offset})
}

// lines gives the lines that a stream has begun with, and as many as come until there
// are so many.
func (l *listening) lines(most int) (all []Line) {
	l.t.Helper()
	var first Lines
	if err := json.Unmarshal([]byte(l.next("start").data), &first); err != nil {
		l.t.Fatal(err)
	}
	for all = first.Lines; len(all) < most; {
		var more More
		if err := json.Unmarshal([]byte(l.next("lines").data), &more); err != nil {
			l.t.Fatal(err)
		}
		all = append(all, more.Lines...)
	}
	return all
}

// Streams are opened while ten generations print one after the other: each gets every
// line once, in order, whenever it came.
func TestAStreamHasEachLineOnceOverGenerationsWheneverItIsOpened(t *testing.T) {
	r := newRig(t)
	const generations, each = 10, 100
	var streams []*listening
	opened := make(chan *listening, generations)
	var all sync.WaitGroup
	for g := range generations {
		p := &printer{r: r, service: "frontend", number: g + 1}
		for n := range each {
			if n == each/2 {
				all.Go(func() { opened <- r.open("/api/logs/stream?tail=2000") })
			}
			p.print(fmt.Sprintf("line %d", g*each+n))
		}
	}
	all.Wait()
	close(opened)
	for l := range opened {
		streams = append(streams, l)
	}
	for i, l := range streams {
		for n, line := range l.lines(generations * each) {
			if want := fmt.Sprintf("line %d", n); line.Text != want || line.Generation != fmt.Sprintf("frontend-%d", n/each+1) {
				t.Fatalf("stream %d: line %d is %+v", i, n, line)
			}
		}
	}
}

func TestAStreamIsFilteredAndSaysHowMuchItHides(t *testing.T) {
	r := newRig(t)
	p, db := &printer{r: r, service: "frontend", number: 1}, &printer{r: r, service: "db", number: 1}
	p.print("12:00 INFO up")
	p.print("12:00 ERROR broke")
	p.print("java.lang.IllegalStateException: x")
	l := r.open("/api/logs/stream?service=frontend&level=warn")
	p.print("\tat a.B.c(B.java:1)") // of the trace above
	p.print("12:01 INFO on")
	db.print("12:01 ERROR of another")
	p.print("12:02 WARN end")
	var texts []string
	hidden := 0
	var first Lines
	if err := json.Unmarshal([]byte(l.next("start").data), &first); err != nil {
		t.Fatal(err)
	}
	hidden += first.Hidden
	for _, line := range first.Lines {
		texts = append(texts, line.Level+" "+line.Text)
	}
	for len(texts) < 4 || hidden < 2 {
		var more More
		if err := json.Unmarshal([]byte(l.next("lines").data), &more); err != nil {
			t.Fatal(err)
		}
		hidden += more.Hidden
		for _, line := range more.Lines {
			texts = append(texts, line.Level+" "+line.Text)
		}
	}
	want := "error 12:00 ERROR broke|error java.lang.IllegalStateException: x|error \tat a.B.c(B.java:1)|warn 12:02 WARN end"
	if got := strings.Join(texts, "|"); got != want || hidden != 2 {
		t.Errorf("%d are hidden of %s", hidden, got)
	}
}

func TestFiltersOfWhatWasPrinted(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"frontend", "db"} {
		for g := 1; g <= 2; g++ {
			p := &printer{r: r, service: name, number: g}
			p.print("INFO One")
			p.print("ERROR two")
		}
	}
	put(t, filepath.Join(r.Folders.Logs, "db", "2", "files", url.PathEscape("/log/slow.log")), "slow one\n")
	for query, want := range map[string]int{
		"": 9, "service=frontend": 4, "service=frontend&service=db": 9, "service=db&generation=2": 3, "file=out": 8, "file=slow.log": 1,
		"q=ONE": 5, "regexp=%5EINFO": 4, "regexp=(?i)one$": 5, "level=error": 4, "level=info": 8, "level=fatal": 0, "limit=3": 3, "q=%3Cb%3E": 0,
	} {
		var got Lines
		r.get("/api/logs?"+query, &got)
		if len(got.Lines) != want {
			t.Errorf("%s: %d lines, want %d: %+v", query, len(got.Lines), want, got.Lines)
		}
		if query != "limit=3" && (!got.Done || got.Before != "") {
			t.Errorf("%s: done is %v, before is %q", query, got.Done, got.Before)
		}
	}
	for query, why := range map[string]string{
		"service=none": "no service", "regexp=(": "missing closing", "level=loud": "level is one of", "limit=0": "limit is", "limit=99999": "limit is",
		"generation=1": "one service", "generation=x&service=db": "one service", "before=!": "cursor", "q=" + strings.Repeat("x", mostPattern+1): "at most",
	} {
		for _, path := range []string{"/api/logs?", "/api/logs/stream?"} {
			if strings.HasPrefix(query, "before") && strings.HasSuffix(path, "stream?") {
				continue
			}
			if status, _, text := r.do(http.MethodGet, path+query, ""); status != http.StatusBadRequest || !strings.Contains(text, why) {
				t.Errorf("%s%s: %d %.200s", path, query, status, text)
			}
		}
	}
}

func TestAMillionLinesAreReachedWithoutBeingLoaded(t *testing.T) {
	r := newRig(t)
	var b strings.Builder
	for n := range 1_000_000 {
		fmt.Fprintf(&b, "2026-11-29T05:30:00.000 INFO  line %d\n", n)
	}
	put(t, filepath.Join(r.Folders.Logs, "frontend", "1", "reports", "out"), b.String())
	next, cursor := 999_999, ""
	for range 5 {
		var got Lines
		r.get("/api/logs?limit=2000&before="+cursor, &got)
		if len(got.Lines) != 2000 || got.Done {
			t.Fatalf("%d lines, done is %v", len(got.Lines), got.Done)
		}
		for i := len(got.Lines) - 1; i >= 0; i-- {
			if !strings.HasSuffix(got.Lines[i].Text, fmt.Sprintf(" line %d", next)) {
				t.Fatalf("%q, want line %d", got.Lines[i].Text, next)
			}
			next--
		}
		cursor = got.Before
	}
	// What is rare is found, too: each answer reads some of it.
	hidden, answers := 0, 0
	for cursor = ""; ; answers++ {
		var got Lines
		r.get("/api/logs?regexp=line+7$&before="+cursor, &got)
		hidden += got.Hidden
		if len(got.Lines) > 0 && got.Lines[0].Text == "2026-11-29T05:30:00.000 INFO  line 7" {
			break
		}
		if cursor = got.Before; got.Done {
			t.Fatal("it is not found")
		}
	}
	if hidden < 999_000 || answers < 5 {
		t.Errorf("%d lines were hidden in %d answers", hidden, answers)
	}
}

func TestNothingThatIsPrintedIsMarkupOrGivesOrders(t *testing.T) {
	r := newRig(t)
	hostile := "</script><img src=x onerror=alert(1)>\x1b]0;title\x07\x1b[31mred\x1b[0m\x1b[2J \u202e \u2028 &amp; \xff"
	put(t, filepath.Join(r.Folders.Logs, "frontend", "1", "reports", "out"), hostile+"\n")
	status, head, text := r.do(http.MethodGet, "/api/logs", "")
	if status != 200 || head.Get("Content-Type") != "application/json" || head.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d, %v", status, head)
	}
	for _, bad := range []string{"<", ">", "\x1b", "\u202e", "\u2028", `\u001b]`, `\u001b[2J`} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is in %s", bad, text)
		}
	}
	var got Lines
	if err := json.Unmarshal([]byte(text), &got); err != nil || len(got.Lines) != 1 {
		t.Fatalf("%v in %s", err, text)
	}
	if l := got.Lines[0]; !strings.HasPrefix(l.Text, "</script><img src=x onerror=alert(1)>red ") || !strings.Contains(l.ANSI, "\x1b[31mred\x1b[0m") {
		t.Errorf("the line is %q, %q", l.Text, l.ANSI)
	}
	var state State
	r.get("/api/state", &state)
	for _, part := range append(state.Services, state.Agent) {
		if strings.Contains(string(part), `\u001b`) || strings.Contains(string(part), `\u0007`) {
			t.Errorf("a control character is in %s", part)
		}
	}
}

func TestWhenALineWasPrinted(t *testing.T) {
	l := newLines()
	begun := time.Date(2026, 11, 29, 5, 30, 0, 0, time.UTC)
	const each = 100
	for n := range int64(5000) { // ten a second
		l.line(deployer.Line{Generation: "a-1", Offset: (n + 1) * each}, begun.Add(time.Duration(n)*100*time.Millisecond))
	}
	for _, n := range []int64{0, 1, 9, 10, 4321, 4999} {
		got := l.when("a-1", "", (n+1)*each)
		if off := begun.Add(time.Duration(n) * 100 * time.Millisecond).Sub(got); off < 0 || off >= 2*markEvery {
			t.Errorf("line %d: %s off", n, off)
		}
	}
	if at := l.when("a-1", "", 1); !at.IsZero() {
		t.Errorf("what was printed before the agent came was printed %s", at)
	}
	// Neither one that prints for ever nor many that have printed take up more and more.
	for n := range int64(100 * mostMarks) {
		l.note(printed.Where{Generation: "b-1"}, n+1, begun.Add(time.Duration(n)*time.Second))
	}
	for n := range 3 * mostTracks {
		l.note(printed.Where{Generation: fmt.Sprintf("c-%d", n)}, 1, begun.Add(time.Hour*time.Duration(100+n)))
	}
	tracks, marks := 0, 0
	l.tracks.Range(func(_, t any) bool {
		tracks++
		marks = max(marks, len(*t.(*track).marks.Load()))
		return true
	})
	if tracks > mostTracks || marks > mostMarks {
		t.Errorf("%d files are known, with up to %d marks", tracks, marks)
	}
}

func TestALineCostsNothingWhereNobodyListens(t *testing.T) {
	l, line := newLines(), deployer.Line{Generation: "a-1", Offset: 1}
	now := time.Now()
	l.line(line, now)
	if n := testing.AllocsPerRun(1000, func() { l.line(line, now) }); n > 1 {
		t.Errorf("%v allocations a line", n)
	}
}
