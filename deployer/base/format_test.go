package base

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What released versions have written is read as it was meant.
const (
	earlierMark = `{
  "recipe": {
    "name": "bb",
    "template": "busybox",
    "run": [
      "echo a > /b && true"
    ]
  },
  "hash": "4d04806dc08bf1a89811072c32447da975b1b06ec4706e014b80c29f550151c4",
  "container": "bb-4d04806d",
  "begun": "2026-01-02T03:04:05.000000006Z",
  "took_ns": 1500000000,
  "complete": true
}
`
	earlierHead = "P*M\x18=\x01\x00\x00{\"jarloop\":\"base\",\"format\":1,\"recipe\":{\"name\":\"bb\",\"template\":\"busybox\"," +
		"\"run\":[\"echo a \\u003e /b \\u0026\\u0026 true\"]},\"hash\":\"4d04806dc08bf1a89811072c32447da975b1b06ec4706e014b80c29f550151c4\"," +
		"\"arch\":\"amd64\",\"begun\":\"2026-01-02T03:04:05.000000006Z\",\"took_ns\":1500,\"config\":[\"lxc.tty.max = 5\"],\"size\":7,\"sha256\":\"00ff\"}"
)

var earlier = Recipe{Name: "bb", Template: "busybox", Run: []string{"echo a > /b && true"}}

func TestABaseOfAnEarlierVersionIsThere(t *testing.T) {
	s := &Store{Path: t.TempDir()}
	dir := s.folder("bb-4d04806d")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "jarloop-base.json"), earlierMark, 0o644)
	writeFile(t, filepath.Join(dir, "config"), "", 0o640)
	s.Progress = func(p Progress) { t.Errorf("it is built anew: %+v", p) }
	if c, built, err := s.Ensure(t.Context(), earlier); c != filepath.Base(dir) || built || err != nil {
		t.Errorf("%q, %v, %v", c, built, err)
	}
	m, err := readMark(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeMark(dir, m); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, markFile))
	if diff := cmp.Diff(earlierMark, string(text)); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestAFileOfAnEarlierVersionIsRead(t *testing.T) {
	h, length, err := readHead(strings.NewReader(earlierHead))
	if err != nil {
		t.Fatal(err)
	}
	want := head{
		Jarloop: "base", Format: 1, Recipe: earlier, Hash: earlier.Hash(), Arch: "amd64",
		Begun: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Took: 1500, Config: []string{"lxc.tty.max = 5"}, Size: 7, Sum: "00ff",
	}
	if diff := cmp.Diff(want, h); diff != "" || length != int64(len(earlierHead)) {
		t.Errorf("%d bytes of %d\n%s", length, len(earlierHead), diff)
	}
	frame, err := h.frame(0)
	if diff := cmp.Diff(earlierHead, string(frame)); diff != "" || err != nil {
		t.Error(diff, err)
	}
}
