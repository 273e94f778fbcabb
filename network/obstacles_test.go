package network

import (
	"strings"
	"testing"
)

func TestRulesThatDropWhatContainersSendAreFound(t *testing.T) {
	const open = ":INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n"
	for _, test := range []struct{ name, filter, found, remedy string }{
		{"nothing is in the way", open, "", ""},
		{"Docker's policy", ":INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\n",
			"Docker: FORWARD drops", "sudo iptables -I DOCKER-USER -i lxcbr0 -j ACCEPT"},
		{"Docker's policy with the bridge let through", ":FORWARD DROP [0:0]\n:DOCKER-USER - [0:0]\n-A DOCKER-USER -i lxcbr0 -j ACCEPT\n", "", ""},
		{"the bridge let through by LXC itself", ":FORWARD DROP [0:0]\n-A FORWARD -o lxcbr0 -j ACCEPT\n-A FORWARD -i lxcbr0 -j ACCEPT\n", "", ""},
		{"everything but the bridge let through", ":FORWARD DROP [0:0]\n-A FORWARD ! -i lxcbr0 -j ACCEPT\n", "FORWARD drops", "sudo iptables -I FORWARD -i lxcbr0 -j ACCEPT"},
		{"our own rules do not count", ":FORWARD DROP [0:0]\n:JARLOOP-FWD - [0:0]\n-A JARLOOP-FWD -i lxcbr0 -o lxcbr0 -j ACCEPT\n", "FORWARD drops", "-I FORWARD"},
		{"a last rule that drops", ":FORWARD ACCEPT [0:0]\n-A FORWARD -i eth1 -j ACCEPT\n-A FORWARD -j REJECT --reject-with icmp-host-prohibited\n",
			"FORWARD drops", "-I FORWARD"},
		{"ufw", ":INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:ufw-user-input - [0:0]\n-A INPUT -j ufw-user-input\n",
			"ufw: INPUT drops", "sudo ufw allow in on lxcbr0"},
		{"ufw with the bridge let through", ":INPUT DROP [0:0]\n:ufw-user-input - [0:0]\n-A ufw-user-input -i lxcbr0 -j ACCEPT\n", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			have, err := parseTables([]byte("*filter\n" + test.filter + "COMMIT\n"))
			if err != nil {
				t.Fatal(err)
			}
			got := findObstacles(have, "lxcbr0")
			switch {
			case test.found == "" && len(got) > 0:
				t.Errorf("found %v", got)
			case test.found != "" && (len(got) != 1 || !strings.Contains(got[0].Found, test.found) || !strings.Contains(got[0].Remedy, test.remedy)):
				t.Errorf("found %v, want %q and %q", got, test.found, test.remedy)
			}
		})
	}
}
