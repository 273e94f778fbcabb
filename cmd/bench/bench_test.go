package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/deployer"
)

func TestRedeploysUnderLoadFailNoRequestAndLeaveNoOldCode(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the lab needs root, for containers and namespaces")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	b := &bench{quick: true}
	if err := b.prepare(ctx, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	})
	const redeploys = 10 // two of each service
	err := b.withRig(ctx, func(r *rig) error {
		// Fewer than the benchmark's: other tests run beside this one.
		found, err := r.underLoad(ctx, redeploys, 100, 10*time.Second)
		if err != nil {
			return err
		}
		if sent := found.traffic.metrics.Requests; sent < redeploys*100 || len(found.done) != redeploys || found.asked != redeploys {
			t.Errorf("%d requests, %d redeploys, %d looked at", sent, len(found.done), found.asked)
		}
		if n := len(found.traffic.failed); n > 0 {
			t.Errorf("%d requests failed: %s", n, strings.Join(found.traffic.explain(found.done), "\n"))
		}
		if found.broken != nil {
			t.Errorf("download across a switch: %v", found.broken)
		}
		if len(found.stale) > 0 {
			t.Errorf("old code a second after the switch: %s", strings.Join(found.stale, "\n"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAQuantileIsASample(t *testing.T) {
	for _, c := range []struct {
		name    string
		samples []float64
		q       float64
		want    float64
	}{
		{"of nothing there is none", nil, 0.95, 0},
		{"the median of an odd number is the middle one", []float64{9, 1, 5}, 0.5, 5},
		{"the median of an even number is between the middle two", []float64{4, 1, 2, 9}, 0.5, 3},
		{"p95 of ten is the largest", []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0.95, 10},
		{"p95 of twenty is the one before the largest", []float64{
			1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
		}, 0.95, 19},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := quantile(c.samples, c.q); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestAVariantDiffersInItsVersionAlone(t *testing.T) {
	jar, err := pack([]byte("Manifest-Version: 1.0\r\nImplementation-Version: 1-abc\r\nMain-Class: A\r\n\r\n"),
		map[string][]byte{"A.class": []byte("code")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := variant(jar, "bench-7")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		manifest:  "Manifest-Version: 1.0\r\nImplementation-Version: bench-7\r\nMain-Class: A\r\n\r\n",
		"A.class": "code",
	}
	if diff := cmp.Diff(want, entries(t, other)); diff != "" {
		t.Error(diff)
	}
	if _, err := variant(other[:len(other)-1], "bench-8"); err == nil {
		t.Error("half a JAR has a variant")
	}
}

func entries(t *testing.T, jar []byte) map[string]string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range r.File {
		f, err := e.Open()
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if _, err := text.ReadFrom(f); err != nil {
			t.Fatal(err)
		}
		f.Close()
		all[e.Name] = text.String()
	}
	return all
}

func TestTheTimeOfChildrenCounts(t *testing.T) {
	const stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 1 0 5 6 7"
	got, err := parseSpent(stat)
	if err != nil || got != 1270*time.Millisecond {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := parseSpent("42 (a) S 1"); err == nil {
		t.Error("too few fields are taken")
	}
}

func TestRestIsWaitedForAndItsAbsenceIsTold(t *testing.T) {
	// Eight times of "cpu": user, nice, system, idle, iowait, irq, softirq, steal.
	done, possible, err := parseBusy("cpu  1 2 3 40 5 6 7 8 9 9\ncpu0 0 0 0 0 0 0 0 0 0 0\n")
	if err != nil || done != 27 || possible != 72 {
		t.Errorf("got %v of %v, %v", done, possible, err)
	}
	if _, _, err := parseBusy("intr 1 2 3 4 5 6 7 8 9\n"); err == nil {
		t.Error("what is no line of processors is read as one")
	}
	// Busy for three windows, then idle.
	looks := 0
	look := func() (float64, float64, error) {
		looks++
		return float64(min(looks, 6)), float64(2 * looks), nil
	}
	var r rests
	if err := r.calm(t.Context(), look); err != nil || r.Vain != 0 || looks < 8 {
		t.Errorf("%v after %d looks: %+v", err, looks, r)
	}
	r.hopeless = true // so that the test need not wait for long
	always := func() (float64, float64, error) { looks++; return float64(looks), float64(2 * looks), nil }
	if err := r.calm(t.Context(), always); err != nil || r.Vain != 1 || r.Worst != 0.5 || r.Waited != 2 {
		t.Errorf("%v: %+v", err, r)
	}
	var out bytes.Buffer
	if err := (&report{Rests: r, Commit: "0123456789ab"}).table(&out); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"before 1 of 2 measurements, up to 50 %", "commit 0123456789ab"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("%q is not in %q", text, out.String())
		}
	}
}

func TestCapacityIsWhereItGrowsNoMore(t *testing.T) {
	rates := []float64{100, 300, 500, 510, 900}
	next := func() (float64, error) {
		rate := rates[0]
		rates = rates[1:]
		return rate, nil
	}
	if got, err := steady(next); err != nil || got != 510 {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := steady(func() (float64, error) { return 5, nil }); err == nil {
		t.Errorf("a third of five requests a second is taken for load: %v", got)
	}
	broken := errors.New("refused")
	if _, err := steady(func() (float64, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestADeployIsLiveByItsStatus(t *testing.T) {
	saved := time.Now()
	ended := func(after time.Duration, generation, failed string) *deployer.Last {
		return &deployer.Last{Generation: generation, Ended: saved.Add(after), Error: failed}
	}
	for _, c := range []struct {
		name       string
		status     deployer.Status
		live, lost bool
	}{
		{"the one before is not", deployer.Status{Generation: "a-1", Last: ended(-time.Second, "a-1", "")}, false, false},
		{"none has ended yet", deployer.Status{Generation: "a-1"}, false, false},
		{"a newer one took its place", deployer.Status{Generation: "a-1", Last: ended(time.Second, "a-2", "newer artefacts")}, false, false},
		{"it is", deployer.Status{Generation: "a-2", Last: ended(time.Second, "a-2", "")}, true, false},
		{"it has failed", deployer.Status{
			Generation: "a-1", Last: ended(time.Second, "a-2", "not healthy"),
			Newest: deployer.Newest{State: deployer.Broken},
		}, false, true},
		{"its artefacts are refused", deployer.Status{Generation: "a-1", Newest: deployer.Newest{State: deployer.Refused}}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, live := wentLive(c.status, saved); live != c.live {
				t.Errorf("live: %v", live)
			}
			if lost := notLive(c.status) != nil; lost != c.lost {
				t.Errorf("not live: %v", lost)
			}
		})
	}
}

func TestFailuresAreToldByKindAndByTheSwitchNextToThem(t *testing.T) {
	at := time.Now()
	moment := func(ms int) time.Time { return at.Add(time.Duration(ms) * time.Millisecond) }
	traffic := &traffic{failed: []failure{
		{inGeneral("dial tcp 10.0.4.2:80: refused"), moment(990), moment(1010)},
		{inGeneral("dial tcp 10.0.4.2:81: refused"), moment(5000), moment(5020)},
	}}
	got := traffic.explain([]redeployed{{service: "person", live: moment(1000)}, {service: "web", live: moment(5100)}})
	want := []string{"2 × dial tcp *: refused: from -10 to +10 ms of the switch of person; from -100 to -80 ms of the switch of web"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheBasesAreThoseOfTheShippedConfiguration(t *testing.T) {
	const text = "[base.a]\nx = 1 # [no]\ny = [\"a\"]\n\n# Any\n#[base.c]\n[base.b]\nz = 1\n[service.a]\n"
	if diff := cmp.Diff("[base.a]\nx = 1 # [no]\ny = [\"a\"]\n\n[base.b]\nz = 1\n", sections(text, "base.")); diff != "" {
		t.Error(diff)
	}
}

func TestThePictureHasWhatWasMeasuredAndIsXML(t *testing.T) {
	r := &report{Machine: "2 cores <of> it"}
	if r.draw() != "" {
		t.Error("a picture of nothing")
	}
	r.add(figureName(with, trivial), "s", []float64{0.3})
	r.add(figureName(inPlace, trivial), "s", []float64{0.2})
	r.Traces = []trace{{Name: traceName(with, trivial), Deploying: 80, Steps: []step{{"install", 2}, {"prove", 200}}, Live: 290, Answer: 300}}
	got := r.draw()
	for _, text := range []string{"300 ms", "JVM starts", "0.30 s", "2 cores &lt;of&gt; it"} {
		if !strings.Contains(got, text) {
			t.Errorf("%q is not in the picture: %s", text, got)
		}
	}
	if err := wellFormed(got); err != nil {
		t.Error(err)
	}
}

func wellFormed(text string) error {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
