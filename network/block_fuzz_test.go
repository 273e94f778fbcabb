package network

import (
	"bytes"
	"maps"
	"net/netip"
	"slices"
	"testing"
)

// fragments are what hosts files with marks in them are made of. The last is
// the end of a file without a newline.
var fragments = []string{
	"127.0.0.1 localhost\n", "1.2.3.4 nas\r\n", "\n", "# comment \xff\n", "1.2.3.4 nas # jarloop\n",
	begin + "\n", beginJoined + "\n", begin + "\r\n", beginJoined + "\r\n", blockEnd + "\n", blockEnd + "\r\n",
	"10.0.3.9\tother\t# jarloop\n", "1.2.3.4 nas", begin, blockEnd,
}

func FuzzReplaceBlock(f *testing.F) {
	for _, content := range []string{"", stock, stock + personOn, "x", "x\n" + personOn + "y", begin, blockEnd, "\n\n", "\xff"} {
		f.Add([]byte(content), false, "person", "web")
	}
	for _, seq := range [][]byte{{12}, {0, 6, 11, 9}, {12, 6, 9, 6, 9}, {5, 5, 11, 9}, {9, 11, 9}, {5, 0}, {0, 8, 11, 10}, {6, 9, 2, 6, 9}} {
		f.Add(seq, true, "person", "web")
	}
	f.Fuzz(func(t *testing.T, content []byte, built bool, one, two string) {
		if built {
			var b bytes.Buffer
			for _, i := range content {
				b.WriteString(fragments[int(i)%len(fragments)])
			}
			content = b.Bytes()
		}
		n := map[string]netip.Addr{}
		for i, name := range []string{one, two} {
			if addr := netip.AddrFrom4([4]byte{10, 0, 3, byte(i + 1)}); checkHost(name, addr) == nil {
				n[name] = addr
			}
		}
		checkReplaceBlock(t, content, n)
	})
}

func checkReplaceBlock(t *testing.T, content []byte, n map[string]netip.Addr) {
	before := bytes.Clone(content)
	with, without := replaceBlock(content, n), replaceBlock(content, nil)
	if !bytes.Equal(before, content) {
		t.Fatalf("%q was changed in place", before)
	}
	if got := replaceBlock(with, nil); !bytes.Equal(got, without) {
		t.Errorf("taking the block out of %q gives %q, want %q", with, got, without)
	}
	if got := replaceBlock(with, n); !bytes.Equal(got, with) {
		t.Errorf("the same names again give %q, want %q", got, with)
	}
	if got := namesIn(with); !maps.Equal(got, n) {
		t.Errorf("Hosts gives %v, want %v", got, n)
	}
	foreign, blocks := foreignLines(content)
	for _, after := range [][]byte{with, without} {
		if got, left := foreignLines(after); !slices.Equal(got, foreign) || left > 1 {
			t.Errorf("%q has %d blocks and the lines of others %q, want %q", after, left, got, foreign)
		}
	}
	if blocks == 0 && (!bytes.Equal(without, content) || !bytes.HasPrefix(with, content)) {
		t.Errorf("%q becomes %q and %q", content, with, without)
	}
}

// foreignLines gives the lines outside of blocks, without the newline, which
// a line at the end of the file gets and loses.
func foreignLines(content []byte) (foreign []string, blocks int) {
	lines := bytes.SplitAfter(content, []byte("\n"))
	found := findBlocks(lines)
	for i, line := range lines {
		inside := slices.ContainsFunc(found, func(b block) bool { return b.from <= i && i < b.to })
		if !inside && len(line) > 0 {
			foreign = append(foreign, string(bytes.TrimSuffix(line, []byte("\n"))))
		}
	}
	return foreign, len(found)
}
