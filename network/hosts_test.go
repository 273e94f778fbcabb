package network

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// memory is the hosts file of an instance that has no others.
type memory struct {
	content []byte
	perm    fs.FileMode
	missing bool
	writes  int
	fail    error
}

func (m *memory) ReadFile(_ context.Context, _, name string) ([]byte, error) {
	if name != "/etc/hosts" || m.missing {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(m.content), nil
}

func (m *memory) WriteFile(_ context.Context, _, _ string, data []byte, perm fs.FileMode) error {
	if m.fail != nil {
		return m.fail
	}
	m.content, m.perm, m.missing = bytes.Clone(data), perm, false
	m.writes++
	return nil
}

const (
	stock    = "127.0.0.1\tlocalhost\n::1 ip6-localhost\n"
	personOn = begin + "\n10.0.3.130\tperson\t# jarloop\n" + blockEnd + "\n"
)

func TestReplaceBlock(t *testing.T) {
	person := addresses("person", "10.0.3.130")
	joined := strings.Replace(personOn, begin, beginJoined, 1)
	older := strings.ReplaceAll(personOn, "130", "129")
	for name, c := range map[string]struct {
		content string
		names   map[string]netip.Addr
		want    string
	}{
		"a new block goes to the end":              {stock, person, stock + personOn},
		"names are sorted":                         {"", addresses("web", "10.0.3.2", "api", "10.0.3.3"), begin + "\n10.0.3.3\tapi\t# jarloop\n10.0.3.2\tweb\t# jarloop\n" + blockEnd + "\n"},
		"a block is replaced where it stands":      {stock + older + "1.2.3.4 nas\n", person, stock + personOn + "1.2.3.4 nas\n"},
		"no names remove the block":                {stock + personOn + "1.2.3.4 nas", nil, stock + "1.2.3.4 nas"},
		"no names and no block change nothing":     {"a\r\nb", nil, "a\r\nb"},
		"a missing newline is remembered":          {"1.2.3.4 nas", person, "1.2.3.4 nas\n" + joined},
		"and taken away again":                     {"1.2.3.4 nas\n" + joined, nil, "1.2.3.4 nas"},
		"but not from between two lines of others": {"1.2.3.4 nas\n" + joined + "1.2.3.5 nas2\n", nil, "1.2.3.4 nas\n1.2.3.5 nas2\n"},
		"line ends of others stay":                 {"127.0.0.1 localhost\r\n# \xff\xfe\r\n", person, "127.0.0.1 localhost\r\n# \xff\xfe\r\n" + personOn},
		"a block is known by other line ends too":  {strings.ReplaceAll(stock+older, "\n", "\r\n"), person, strings.ReplaceAll(stock, "\n", "\r\n") + personOn},
		"several blocks become one":                {older + stock + personOn + "1.2.3.4 nas\n" + personOn, person, personOn + stock + "1.2.3.4 nas\n"},
		"several blocks are removed":               {older + stock + personOn, nil, stock},
		"foreign lines between the marks go":       {begin + "\n1.2.3.4 nas\n" + blockEnd + "\n" + stock, person, personOn + stock},
		"a begin mark alone takes only our lines":  {begin + "\n10.0.3.9\tweb\t# jarloop\n1.2.3.4 nas\n" + stock, person, personOn + "1.2.3.4 nas\n" + stock},
		"a begin mark before a block":              {begin + "\n1.2.3.4 nas\n" + personOn, person, personOn + "1.2.3.4 nas\n"},
		"an end mark alone takes only our lines":   {"1.2.3.4 nas\n10.0.3.9\tweb\t# jarloop\n" + blockEnd + "\n" + stock, person, "1.2.3.4 nas\n" + personOn + stock},
		"an end mark without a newline":            {stock + strings.TrimSuffix(older, "\n"), person, stock + personOn},
		"a line that bears our mark elsewhere":     {"1.2.3.4\tnas\t# jarloop\n" + stock, person, "1.2.3.4\tnas\t# jarloop\n" + stock + personOn},
		"a comment that only begins like ours":     {"# jarloop: beginning\n1.2.3.4 nas\n", person, "# jarloop: beginning\n1.2.3.4 nas\n" + personOn},
	} {
		t.Run(name, func(t *testing.T) {
			got := replaceBlock([]byte(c.content), c.names)
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if again := replaceBlock(got, c.names); !bytes.Equal(again, got) {
				t.Errorf("again, it gives\n%s", again)
			}
			if got := namesIn(got); !maps.Equal(got, c.names) {
				t.Errorf("Hosts gives %v", got)
			}
		})
	}
}

func TestHostsTakesTheFirstOfTwoLinesAndNothingOutsideTheBlock(t *testing.T) {
	content := "10.0.0.1 outside\n" + begin + "\n10.0.3.1 a b # c\n10.0.3.2\ta\t# jarloop\nnonsense\n" + blockEnd + "\n"
	if diff := cmp.Diff(addresses("a", "10.0.3.1", "b", "10.0.3.1"), namesIn([]byte(content)), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestWriteHosts(t *testing.T) {
	root := &memory{content: []byte(stock)}
	for _, step := range []struct {
		names   map[string]netip.Addr
		changed bool
		want    string
	}{
		{addresses("person", "10.0.3.130"), true, stock + personOn},
		{addresses("person", "10.0.3.130"), false, stock + personOn},
		{nil, true, stock},
		{nil, false, stock},
	} {
		writes := root.writes
		changed, err := writeHosts(t.Context(), root, "web-3", step.names)
		if err != nil || changed != step.changed || changed != (root.writes > writes) || string(root.content) != step.want {
			t.Errorf("writeHosts(%v) = %v, %v with %d writes and\n%s", step.names, changed, err, root.writes-writes, root.content)
		}
	}
}

func TestWriteHostsMakesAMissingFile(t *testing.T) {
	root := &memory{missing: true}
	if changed, err := writeHosts(t.Context(), root, "web-3", nil); changed || err != nil || !root.missing {
		t.Errorf("no names: changed %v, %v", changed, err)
	}
	if changed, err := writeHosts(t.Context(), root, "web-3", addresses("person", "10.0.3.130")); !changed || err != nil {
		t.Errorf("changed %v, %v", changed, err)
	}
	if string(root.content) != personOn || root.perm != 0o644 {
		t.Errorf("mode %o and\n%s", root.perm, root.content)
	}
}

func TestWriteHostsRefusesWhatWouldNotResolve(t *testing.T) {
	for _, c := range []struct{ name, addr string }{
		{"", "10.0.3.1"}, {"a b", "10.0.3.1"}, {"a\n1.2.3.4 google.com", "10.0.3.1"}, {"-a", "10.0.3.1"}, {"a-", "10.0.3.1"},
		{"a.b", "10.0.3.1"}, {"ä", "10.0.3.1"}, {strings.Repeat("a", 64), "10.0.3.1"}, {"LocalHost", "10.0.3.1"},
		{"a", "0.0.0.0"}, {"a", "fe80::1%eth0"},
	} {
		root := &memory{content: []byte(stock)}
		if changed, err := writeHosts(t.Context(), root, "web-3", addresses(c.name, c.addr)); err == nil || changed || root.writes > 0 {
			t.Errorf("%q at %s: changed %v, %v", c.name, c.addr, changed, err)
		}
	}
	root := &memory{content: []byte(stock)}
	if _, err := writeHosts(t.Context(), root, "web-3", map[string]netip.Addr{"a": {}}); err == nil {
		t.Error("the zero address is taken")
	}
}

func TestWriteHostsSaysWhatFailed(t *testing.T) {
	root := &memory{content: []byte(stock), fail: fs.ErrPermission}
	changed, err := writeHosts(t.Context(), root, "web-3", addresses("person", "10.0.3.130"))
	if changed || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "write /etc/hosts of web-3") {
		t.Errorf("changed %v, %v", changed, err)
	}
}
