package network

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/vishvananda/netns"

	"github.com/jarloop/jarloop/deployer"
)

func TestWhatLeadsOutsideIsLetThroughAndAskedInTheVMsName(t *testing.T) {
	f := newFake(t, crowded)
	p := fakeAgent(f, web80)
	r := deployer.Routes{
		Targets: targets("web", "10.0.3.131:8080", "payments", "10.0.2.2:9000", "unused", "10.0.2.3:1"),
		VIPs:    addresses("payments", "10.0.3.101"),
	}
	if _, err := p.Set(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	text := f.String()
	for _, want := range []string{
		`-A JARLOOP-SERVICES -d 10.0.3.101 -m comment --comment "jarloop: payments port 9000" -j DNAT --to-destination 10.0.2.2`,
		`-A JARLOOP-POST -d 10.0.2.2 -m conntrack --ctstate DNAT -m comment --comment "jarloop: outside" -j MASQUERADE`,
		`-A JARLOOP-FWD -d 10.0.2.2 -m conntrack --ctstate DNAT -m comment --comment "jarloop: outside" -j ACCEPT`,
		`-A JARLOOP-FWD -s 10.0.2.2 -m conntrack --ctstate DNAT -m comment --comment "jarloop: outside" -j ACCEPT`,
		`-A JARLOOP-IN -d 10.0.2.2 -m conntrack --ctstate DNAT -m comment --comment "jarloop: outside" -j ACCEPT`,
	} {
		if strings.Count(text, want) != 1 {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, "10.0.2.3") {
		t.Errorf("there is a rule about what nobody asks for:\n%s", text)
	}
	vips, err := p.VIPs(t.Context())
	if err != nil || fmt.Sprint(vips) != fmt.Sprint(r.VIPs) {
		t.Errorf("virtual IPs read back: %v, %v", vips, err)
	}
	delete(r.Targets, "payments")
	if _, err := p.Set(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if text := f.String(); strings.Contains(text, "outside") {
		t.Errorf("rules about what is outside stay:\n%s", text)
	}
	if vips, err := p.VIPs(t.Context()); err != nil || len(vips) != 1 {
		t.Errorf("virtual IPs without a target: %v, %v", vips, err)
	}
}

// program serves HTTP in a namespace, 0 the VM's, outside of all containers.
func (l *lab) program(ns netns.NsHandle, address string) netip.AddrPort {
	l.t.Helper()
	var listener net.Listener
	listen := func() (err error) {
		listener, err = net.Listen("tcp4", address)
		return err
	}
	if ns == 0 {
		l.check(listen())
	} else {
		l.within(ns, listen)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprintf(w, "%s to %s", address, client)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	l.t.Cleanup(func() { server.Close(); <-done })
	return netip.MustParseAddrPort(address)
}

func TestANameLeadsOutOfTheContainers(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.canaries() // FORWARD drops
		l.run("-P INPUT DROP")
		l.run("-A INPUT -i lo -j ACCEPT")
		l.run("-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT")
		l.guest("10.0.3.140")
		caller := l.guests["10.0.3.140"]
		p := l.ports(deployer.Publish{Interface: "eth0", Port: 80, Protocol: "tcp", Service: "payments"})
		for _, at := range []netip.AddrPort{
			l.program(l.laptop, "10.0.4.1:9000"), l.program(0, "10.0.4.2:9000"), l.program(0, "10.0.3.1:9000"), l.program(0, "127.0.0.1:9000"),
		} {
			r := deployer.Routes{Targets: map[string]netip.AddrPort{"payments": at}, VIPs: addresses("payments", "10.0.3.101")}
			if _, err := p.Set(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			l.eitherBridge(func(bool) { l.wantAnswer(caller, "10.0.3.101:9000", at.String()) })
			if at.Addr() != netip.MustParseAddr("127.0.0.1") { // the VM's loopback is opened to containers alone
				l.wantAnswer(l.laptop, "10.0.4.2:80", at.String())
			}
		}
		laptop := deployer.Routes{Targets: targets("payments", "10.0.4.1:9000"), VIPs: addresses("payments", "10.0.3.101")}
		setAll(t, p, laptop, true)
		l.wantAnswer(0, "10.0.3.101:9000", "10.0.4.1:9000")
		l.wantAnswer(l.laptop, "10.0.4.2:80", "10.0.4.1:9000 to 10.0.4.2") // itself, by way of the VM
	})
}

func TestAPortIsMappedToThatOfATarget(t *testing.T) {
	f := newFake(t, crowded)
	p := fakeAgent(f, web80, deployer.Publish{Interface: "eth0", Port: 81, Protocol: "tcp", Service: "web", To: 9090},
		deployer.Publish{Interface: "eth0", Port: 82, Protocol: "tcp", Service: "web", To: 8080})
	setAll(t, p, deployer.Routes{
		Targets: targets("web", "10.0.2.2:18080"), Ports: map[string]uint16{"web": 8080}, VIPs: addresses("web", "10.0.3.101"),
	}, true)
	text := f.String()
	for want, n := range map[string]int{
		`-d 10.0.3.101 -p tcp -m tcp --dport 8080 -m comment --comment "jarloop: web" -j DNAT --to-destination "10.0.2.2:18080"`: 1,
		`-d 10.0.3.101 -p udp -m udp --dport 8080 -m comment --comment "jarloop: web" -j DNAT --to-destination "10.0.2.2:18080"`: 1,
		`-d 10.0.3.101 -m comment --comment "jarloop: web port 18080" -j DNAT --to-destination 10.0.2.2` + "\n":                  1,
		`-p tcp -m comment --comment "jarloop: web" -j DNAT --to-destination "10.0.2.2:18080"`:                                   2,
		`"jarloop: web:9090" -j DNAT --to-destination "10.0.2.2:9090"`:                                                           1,
		`"jarloop: web:8080" -j DNAT --to-destination "10.0.2.2:18080"`:                                                          0,
	} {
		if strings.Count(text, want) != n {
			t.Errorf("not %d times %s in\n%s", n, want, text)
		}
	}
}
