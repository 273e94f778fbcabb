package incus_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/jarloop/jarloop/deployer/incus/api"
)

// opens writes into the configuration that every member opens a port, "" for none, which
// leads to a service.
func (d *desk) opens(service, port string) {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "config.toml"))
	if err != nil {
		d.t.Fatal(err)
	}
	entry := "port = " + published[service] + "\n"
	before, after, found := strings.Cut(string(text), entry)
	if !found {
		d.t.Fatalf("%s is not published", service)
	}
	if strings.HasPrefix(after, "members") {
		_, after, _ = strings.Cut(after, "\n")
	}
	if port != "" {
		entry += "members = " + port + "\n"
	}
	d.file("config.toml", []byte(before+entry+after))
}

// saysOfPorts waits until status says something.
func (d *desk) saysOfPorts(want string) {
	d.t.Helper()
	d.until("status says "+want, func() bool {
		out, _ := d.verb("status")
		return strings.Contains(out, want)
	})
}

// proxies are what members open ports by.
func (d *desk) proxies() map[string]api.Instance {
	d.t.Helper()
	all, err := d.client.Instances(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	found := map[string]api.Instance{}
	for _, i := range all {
		if strings.HasPrefix(i.Name, d.owner+"-") && strings.HasSuffix(i.Name, "-proxy") {
			found[i.Location] = i
		}
	}
	return found
}

// opensAnother has members open another port while the agent runs, which something else has
// on one of them, and close it again. Connections by the first one outlive that.
func (d *desk) opensAnother() {
	d.t.Helper()
	var other net.Listener
	if err := within("/run/netns/jlinc-m2", func() (err error) {
		other, err = net.Listen("tcp", "10.99.0.2:8082")
		return err
	}); err != nil {
		d.t.Fatal(err)
	}
	defer other.Close()
	stays, err := dial(d.t.Context(), "tcp", "10.99.0.3:8081")
	if err != nil {
		d.t.Fatal(err)
	}
	defer stays.Close()
	d.opens("back", "8082")
	d.saysOfPorts("port 8082 (tcp) is open on m1, m3")
	d.saysOfPorts("port 8082 (tcp) is not open on m2: somebody has it there: choose another one for publish.members")
	if got, err := ask(d.t.Context(), "10.99.0.3:8082"); err != nil || !strings.HasPrefix(got, "back") {
		d.t.Errorf("the other port says %q, %v", got, err)
	}
	d.opens("back", "")
	d.until("it is closed", func() bool {
		for _, i := range d.proxies() {
			if len(i.Devices) != 1 {
				return false
			}
		}
		return true
	})
	if _, err := stays.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		d.t.Error(err)
	}
	answer := make([]byte, 12)
	if n, err := stays.Read(answer); err != nil || !strings.HasPrefix(string(answer[:n]), "HTTP/1.0 200") {
		d.t.Errorf("a connection that was there says %q, %v", answer[:n], err)
	}
}
