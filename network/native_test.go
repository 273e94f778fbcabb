package network

import (
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

// natively has nft take rules, and gives the obstacles that are found then.
func (l *lab) natively(rules string) []Obstacle {
	l.t.Helper()
	l.nft("flush ruleset\n" + rules)
	all, err := nativeRuleset(l.t.Context())
	l.check(err)
	return nativeObstacles(all, "lxcbr0", []deployer.Publish{web80, dns53})
}

func (l *lab) nft(text string) {
	l.t.Helper()
	nft := exec.CommandContext(l.t.Context(), "nft", "-f", "-")
	// nft 1.0.6 wants the closing brace of a chain on a line of its own.
	nft.Stdin = strings.NewReader(strings.ReplaceAll(text, " }", "\n}"))
	if out, err := nft.CombinedOutput(); err != nil {
		l.t.Fatalf("%v: %s\n%s", err, out, text)
	}
}

func TestChainsOfNftablesThatDropAreNamed(t *testing.T) {
	const forward = "type filter hook forward priority 0;"
	tests := []struct {
		name, rules string
		found       []string // chain and remedy of each
	}{
		{"nothing drops", `table inet fw { chain f { type filter hook forward priority 0; policy accept; } }`, nil},
		{"a policy", `table inet fw { chain f { ` + forward + ` policy drop; ct state established accept; } }`, []string{
			"chain inet fw f drops what no rule accepts: published ports", "sudo nft insert rule inet fw f ct status dnat accept",
			"containers reach nothing outside", `sudo nft insert rule inet fw f iifname "lxcbr0" accept`,
		}},
		{"a policy, and what is sent on let through", `table inet fw { chain f { ` + forward + ` policy drop; ct status dnat accept; } }`,
			[]string{"containers reach nothing outside", `iifname "lxcbr0" accept`}},
		{"a policy, and all of ours let through", `table inet fw { chain f { ` + forward + ` policy drop; jump more
			}
			chain more { ct status dnat accept
			iifname { "lxcbr0", "eth9"} accept
			} }`, nil},
		{"a last rule", `table ip fw { chain i { type filter hook input priority 0; policy accept; iifname "lo" accept
			reject
			} }`, []string{"chain ip fw i drops", `insert rule ip fw i iifname "lxcbr0" accept`}},
		{"a rule with a condition", `table inet fw { chain i { type filter hook input priority 0; ip saddr 192.0.2.1 drop; } }`, nil},
		{"firewalld", `table inet firewalld { chain filter_FORWARD { ` + forward + ` ct status dnat accept
			reject with icmpx admin-prohibited
			} }`, []string{"chain inet firewalld filter_FORWARD drops", "sudo firewall-cmd --permanent --zone=trusted --add-interface=lxcbr0"}},
		{"a published port", `table inet fw { chain p { type filter hook prerouting priority -300; tcp dport { 22, 79-81} counter drop; } }`,
			[]string{"chain inet fw p may drop what comes to port 80, at hook prerouting", "sudo nft -a list chain inet fw p"}},
		{"a published port of UDP, on its way", `table inet fw { chain f { ` + forward + ` udp dport 5300 drop; } }`,
			[]string{"chain inet fw f may drop what comes to port 53, at hook forward", "nft delete rule inet fw f"}},
		{"another port, and another protocol", `table inet fw { chain p { type filter hook prerouting priority -300; tcp dport 81 drop; udp dport 80 drop; tcp dport != 80 drop; } }`, nil},
	}
	inLab(t, func(t *testing.T, l *lab) {
		for _, test := range tests {
			var text []string
			for _, o := range l.natively(test.rules) {
				text = append(text, o.Found, o.Remedy)
			}
			if len(text) != len(test.found) {
				t.Errorf("%s: found %q, want %q", test.name, text, test.found)
				continue
			}
			for i, want := range test.found {
				if !strings.Contains(text[i], want) {
					t.Errorf("%s: found %q, want %q", test.name, text[i], want)
				}
			}
		}
		l.natively("")
	})
}

func TestRulesBeforeOursThatDropAPublishedPortAreNamed(t *testing.T) {
	have, err := parseTables([]byte(`*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 80 -j DROP
-A PREROUTING -i eth7 -p tcp -m tcp --dport 80 -j DROP
-A PREROUTING -s 192.0.2.1/32 -j DROP
-A PREROUTING -p tcp -m tcp --dport 81 -j DROP
COMMIT
`))
	if err != nil {
		t.Fatal(err)
	}
	got := findDrops(have, []deployer.Publish{web80})
	if len(got) != 1 || got[0].Remedy != "sudo iptables -t raw -D PREROUTING -p tcp -m tcp --dport 80 -j DROP" ||
		!strings.Contains(got[0].Found, "chain PREROUTING of table raw may drop what comes to port 80") {
		t.Errorf("found %v", got)
	}
}

func TestAPublishedPortIsTriedAsFromOutside(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		p := l.ports(web80)
		set(t, p, map[string]netip.AddrPort{"web": l.guest("10.0.3.131")}, true)
		try := func() []error {
			t.Helper()
			failed, err := Reach(t.Context(), subnet, "lxcbr0", netip.MustParsePrefix("10.0.3.150/24"),
				[]netip.AddrPort{netip.MustParseAddrPort("10.0.4.2:80"), netip.MustParseAddrPort("10.0.4.2:81")})
			l.check(err)
			return failed
		}
		l.eitherBridge(func(bool) {
			if failed := try(); failed[0] != nil || !errors.Is(failed[1], unix.ECONNREFUSED) {
				t.Errorf("with nothing in the way: %v", failed)
			}
		})
		l.nft("table inet fw { chain f { type filter hook forward priority 0; policy drop; } }")
		if failed := try(); failed[0] == nil {
			t.Error("a chain drops it, and it gets through")
		}
		l.wantAnswer(0, "10.0.4.2:80", "10.0.3.131") // from the VM nobody would see that
		l.nft("delete table inet fw")
		if failed := try(); failed[0] != nil {
			t.Errorf("with nothing in the way again: %v", failed)
		}
		if _, err := net.InterfaceByName(probeLink); err == nil {
			t.Errorf("%s is left", probeLink)
		}
	})
}

func TestAChainIsReadAsNftPrintsIt(t *testing.T) {
	text := `{"nftables": [{"metainfo": {"json_schema_version": 1}}, {"table": {"family": "inet", "name": "fw", "handle": 1}},
{"set": {"family": "inet", "name": "web", "table": "fw", "type": "inet_service", "handle": 2, "elem": [80]}},
{"chain": {"family": "inet", "table": "fw", "name": "f", "handle": 1, "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
{"chain": {"family": "inet", "table": "fw", "name": "more", "handle": 2}},
{"chain": {"family": "inet", "table": "fw", "name": "p", "handle": 3, "type": "filter", "hook": "prerouting", "prio": -300, "policy": "accept"}},
{"chain": {"family": "ip", "table": "filter", "name": "FORWARD", "handle": 1, "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
{"rule": {"family": "inet", "table": "fw", "chain": "f", "handle": 4, "expr": [{"jump": {"target": "more"}}]}},
{"rule": {"family": "inet", "table": "fw", "chain": "more", "handle": 5, "expr": [{"match": {"op": "in", "left": {"ct": {"key": "status"}}, "right": "dnat"}}, {"accept": null}]}},
{"rule": {"family": "inet", "table": "fw", "chain": "p", "handle": 6, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": [22, {"range": [79, 81]}]}}}, {"counter": {"packets": 0, "bytes": 0}}, {"drop": null}]}}]}`
	var all nftRuleset
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	found := nativeObstacles(all, "lxcbr0", []deployer.Publish{web80})
	if len(found) != 2 || !strings.HasPrefix(found[0].Found, "nftables: chain inet fw f drops what no rule accepts: containers reach nothing") ||
		!strings.HasPrefix(found[1].Found, "nftables: chain inet fw p may drop what comes to port 80, at hook prerouting") {
		t.Errorf("found %+v", found)
	}
}
