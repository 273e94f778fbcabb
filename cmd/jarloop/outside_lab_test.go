package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/lab"
)

// laptopAddress is the laptop's, as the VM sees it; otherAddress one that it gets.
const (
	laptopAddress = "10.0.4.1"
	otherAddress  = "10.0.4.3"
)

// TestWhatRunsOnTheLaptop leads a service's names and ports to a process on the laptop
// and back while people use the system, and calls what is outside by a name.
func TestWhatRunsOnTheLaptop(t *testing.T) {
	s := newSystem(t, true)
	frontend := "\n[service.frontend]\nbase "
	s.write(s.config, replace(t, s.configuration(), map[string]string{
		frontend:                "\n[external.payments]\naddress = \"" + laptopAddress + ":9000\"\n" + frontend,
		`needs  = ["person"]  `: `needs  = ["person", "payments"]`,
	})+"\n[[publish]]\nport = 8183\nservice = \"authorisation\"\n")
	s.up()

	s.sub("a container calls what is outside, also when that moves", func(t *testing.T) {
		if out, err := s.Laptop(s.ctx, "ip", "addr", "add", otherAddress+"/24", "dev", "eth0").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		s.serveOnLaptop(laptopAddress, "first")
		s.serveOnLaptop(otherAddress, "second")
		live := s.live()["frontend"]
		called := func() string {
			out, _ := s.VM(s.ctx, "lxc-attach", "-P", s.LXC, "-n", live, "--", "bash", "-c",
				`exec 3<>/dev/tcp/payments/9000 && printf 'GET /says HTTP/1.0\r\n\r\n' >&3 && tail -n 1 <&3`).CombinedOutput()
			return strings.TrimSpace(string(out))
		}
		s.agent.eventually("payments answers", func() bool { return called() == "first" })
		s.write(s.config, strings.Replace(s.readAt(s.config), laptopAddress+":9000", otherAddress+":9000", 1))
		s.agent.eventually("payments has moved", func() bool { return called() == "second" })
		if now := s.live()["frontend"]; now != live {
			t.Errorf("%s was deployed anew for an address outside", now)
		}
	})

	s.sub("a service is led to the laptop and back, under load", func(t *testing.T) {
		s.personOnLaptop()
		version := func() string {
			a, err := s.get(s.Client(false), "/api")
			if err != nil {
				t.Fatal(err)
			}
			return a.versions()["person"]
		}
		before := version()
		clients := s.startTraffic("/api")
		if out, status := s.verb("divert", "person", laptopAddress+":9085"); status != 0 || !strings.Contains(out, "leads to "+laptopAddress+":9085") || strings.Contains(out, "jarloop: ") {
			t.Fatalf("status %d: %s", status, out)
		}
		s.agent.eventually("the process on the laptop answers", func() bool { return version() != before })
		onLaptop := version()
		for _, one := range s.status().Services {
			if one.Service == "person" && (one.State != "diverted" || one.Diverted != laptopAddress+":9085") {
				t.Errorf("person is %s, at %q", one.State, one.Diverted)
			}
		}

		from := s.agent.now()
		s.appendTo(personSource, "\n// edited while diverted\n")
		s.gradle(":person:buildJar")
		s.agent.await(from, "live", "person")
		if got := version(); got != onLaptop {
			t.Errorf("%s answers after a build, not %s on the laptop", got, onLaptop)
		}
		if out, status := s.verb("divert", "person", "--off"); status != 0 {
			t.Fatalf("status %d: %s", status, out)
		}
		s.agent.eventually("the newest build answers", func() bool { return version() != onLaptop })
		if got := version(); got == before {
			t.Errorf("%s answers, which was live before the build", got)
		}
		clients.stop(t)
		s.settled()
	})
}

// serveOnLaptop serves a page /says at port 9000 of an address of the laptop, until the
// part of the test ends.
func (s *system) serveOnLaptop(address, says string) {
	s.t.Helper()
	folder := filepath.Join(s.Dir, "outside-"+says)
	if err := os.Mkdir(folder, 0o755); err != nil {
		s.t.Fatal(err)
	}
	s.write(filepath.Join(folder, "says"), says)
	s.onLaptop("http://"+address+":9000/says", "busybox", "httpd", "-f", "-p", address+":9000", "-h", folder)
}

// personOnLaptop runs another build of person on the laptop, as from an IDE, which calls
// what it needs by the VM's published ports.
func (s *system) personOnLaptop() {
	s.t.Helper()
	settings := filepath.Join(s.Dir, "laptop.yml")
	s.write(settings, replace(s.t, s.read("person/config.yml"), map[string]string{
		"port: 8085":                 "port: 9085",
		"http://authorisation:8083/": "http://" + lab.Address + ":8183/",
	}))
	s.onLaptop("http://"+laptopAddress+":9085/health", "java", "-jar", s.otherJAR("person"), "server", settings)
}

// onLaptop runs a program on the laptop until the part of the test ends, and waits until it answers.
func (s *system) onLaptop(url string, argv ...string) {
	s.t.Helper()
	cmd := s.Laptop(s.ctx, argv...)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed, on purpose
	})
	client := s.Client(false)
	s.agent.eventually(argv[0]+" answers on the laptop", func() bool {
		response, err := client.Get(url)
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}
