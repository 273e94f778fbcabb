package network

import (
	"slices"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/deployer"
)

func TestRulesThatDoTheSameAreEqual(t *testing.T) {
	line := `-d 127.0.0.0/8 -i lxcbr0 -p tcp -m tcp --dport 80 -m conntrack ! --ctstate RELATED,ESTABLISHED -m comment --comment "jarloop: a" -j DROP`
	for other, want := range map[string]bool{
		line: true,
		`-i lxcbr0 -d 127.0.0.0/8 -p tcp -m conntrack ! --ctstate ESTABLISHED,RELATED -m comment --comment "jarloop: a" --dport 80 -j DROP`: true,
		strings.Replace(line, "-p tcp", "-p 6", 1):            true,
		strings.Replace(line, "lxcbr0", "lxcbr1", 1):          false,
		strings.Replace(line, "! ", "", 1):                    false,
		strings.Replace(line, "-i", "! -i", 1):                false,
		strings.Replace(line, "jarloop: a", "jarloop:  a", 1): false,
		strings.Replace(line, "-j", "-m socket -j", 1):        false,
		strings.Replace(line, "-j", "-g", 1):                  false,
		strings.Replace(line, "/8", "/32", 1):                 false,
		"":                                                    false,
	} {
		if got := rule(splitWords(line)).equal(splitWords(other)); got != want {
			t.Errorf("%v for %s", got, other)
		}
	}
	if !rule(splitWords("-s 10.0.3.1/32 -j ACCEPT")).equal(rule{"-s", "10.0.3.1", "-j", "ACCEPT"}) {
		t.Error("one address with and without its length")
	}
}

func TestALineOfIptablesSaveIsTakenApart(t *testing.T) {
	for line, want := range map[string][]string{
		`-A INPUT -j ACCEPT`:                {"-A", "INPUT", "-j", "ACCEPT"},
		`--comment "a \"b\" \\ \'c"  -j X `: {"--comment", `a "b" \ 'c`, "-j", "X"},
		`--comment "" -j X`:                 {"--comment", "", "-j", "X"},
		`--comment "open`:                   {"--comment", "open"},
		``:                                  nil,
	} {
		if got := splitWords(line); !slices.Equal(got, want) {
			t.Errorf("%s gives %q", line, got)
		}
	}
}

func TestTextThatIsNotOfIptablesSaveIsAnError(t *testing.T) {
	for _, text := range []string{"-A INPUT -j ACCEPT\n", "*nat\nnonsense\n", "*nat\n-A\n", "*nat\n:A " + strings.Repeat("x", 2<<20)} {
		if _, err := parseTables([]byte(text)); err == nil {
			t.Errorf("%.40q is taken", text)
		}
	}
	all, err := parseTables([]byte("# Table `x' is incompatible, use 'nft' tool.\n*nat\n:A - [0:0]\n[12:3456] -A A -j ACCEPT\nCOMMIT\n"))
	if err != nil || !slices.Equal(all["nat"].rules["A"][0], []string{"-j", "ACCEPT"}) {
		t.Errorf("%v, %v", all, err)
	}
}

func TestConflicts(t *testing.T) {
	f := newFake(t, `*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
:JARLOOP-80 - [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.3.9:80
-A PREROUTING -i eth1 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.3.9:80
-A PREROUTING -p udp -m udp --dport 80 -j DNAT --to-destination 10.0.3.9:80
-A PREROUTING -p tcp -m tcp --dport 8080 -j REDIRECT --to-ports 80
-A PREROUTING -p tcp -m multiport --dports 22,70:90 -j REDIRECT --to-ports 8
-A PREROUTING -p tcp -m tcp ! --dport 22 -j REDIRECT --to-ports 9
-A PREROUTING -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80
-A JARLOOP-80 -p tcp -j DNAT --to-destination 10.0.3.131:8080
COMMIT
`)
	got := findConflicts(f.all, []deployer.Publish{web80})
	if len(got) != 4 {
		t.Fatalf("%q", got)
	}
	for i, part := range []string{"-A PREROUTING -i eth0 -p tcp -m tcp --dport 80", "70:90", "! --dport 22", "-A DOCKER ! -i docker0"} {
		if !strings.Contains(got[i], part) || !strings.Contains(got[i], "port 80") {
			t.Errorf("%q does not say %q", got[i], part)
		}
	}
	if got := findConflicts(newFake(t, "").all, []deployer.Publish{web80}); len(got) > 0 {
		t.Errorf("without a nat table: %q", got)
	}
}

func TestBackends(t *testing.T) {
	const (
		none  = "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"
		some  = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\n-A INPUT -j ACCEPT\nCOMMIT\n"
		owned = "*nat\n:JARLOOP-80 - [0:0]\n-A JARLOOP-80 -j ACCEPT\nCOMMIT\n"
	)
	for _, c := range []struct{ legacy, nft, want string }{
		{"", "", ""}, {none, some, ""}, {some, none, ""}, {"", owned, ""},
		{some, owned, "2 in legacy and 1 in nft"},
		{owned, owned, "both have rules of jarloop"},
	} {
		note, err := compareBackends([]byte(c.legacy), []byte(c.nft))
		if err != nil || (note == "") != (c.want == "") || !strings.Contains(note, c.want) {
			t.Errorf("%q and %q: %q, %v", c.legacy, c.nft, note, err)
		}
	}
	if _, err := compareBackends([]byte("nonsense"), nil); err == nil {
		t.Error("nonsense is taken")
	}
}
