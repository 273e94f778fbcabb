package incus_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAMachineJoinsTheClusterByAToken has init write a configuration by a token for one
// project, with which the cluster answers.
func TestAMachineJoinsTheClusterByAToken(t *testing.T) {
	d := newDesk(t)
	const project = "joined"
	d.incus(t, nil, "project", "create", project, "-c", "features.networks=false", "-c", "restricted=true")
	t.Cleanup(func() { d.incus(t, nil, "project", "delete", project) })
	d.incus(t, nil, "profile", "device", "add", "default", "root", "disk", "path=/", "pool=fast", "--project", project)
	said, err := lab("in", "m1", "incus", "config", "trust", "add", "joiner", "--restricted", "--projects", project, "-q")
	if err != nil {
		t.Fatalf("make a token: %v: %s", err, said)
	}
	lines := strings.Fields(said)
	token, folder := lines[len(lines)-1], filepath.Join(d.dir, "etc")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "config.toml")
	join := func() (string, error) {
		out, err := d.on(d.program, "init", filepath.Join(d.dir, "host"), "--engine", "incus", "--token", token, "--range", "10.88.0.201-10.88.0.240", "-o", file).CombinedOutput()
		return string(out), err
	}
	if out, err := join(); err != nil {
		t.Fatalf("init: %v: %s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !inOrder(string(text), `address            = "https://10.99.0.1:8443"`, `project            = "`+project+`"`, `owner              = "joiner"`,
		`pool               = "fast"`, `nameserver         = "10.88.0.1"`, `bridge = "mesh0"`) {
		t.Errorf("the configuration is %s", text)
	}
	d.file("etc/config.toml", []byte(strings.Replace(string(text), "[engine]\n", "[engine]\nguest = \""+d.cluster.program+"\"\n", 1)))
	out, _ := d.on(d.program, "--config", file, "doctor").CombinedOutput()
	if !strings.Contains(string(out), "https://10.99.0.1:8443 answers; members: m1, m2, m3") {
		t.Errorf("doctor: %s", out)
	}

	// A token lets in once, and what is there stays.
	if out, err := join(); err == nil || !strings.Contains(out, "is there already, and stays as it is") {
		t.Errorf("init again: %v: %s", err, out)
	}
	file = filepath.Join(d.dir, "again", "config.toml")
	if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := join(); err == nil || !strings.Contains(out, "have the cluster trust this machine") {
		t.Errorf("init with the same token: %v: %s", err, out)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) > 0 {
		t.Errorf("that leaves %v, %v", left, err)
	}
}
