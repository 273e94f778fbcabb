package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/doctor"
	"github.com/jarloop/jarloop/cmd/internal/exit"
)

// findings gives what the doctor finds on the VM, by check, and its exit status.
func (s *system) findings(args ...string) (map[string]doctor.Finding, int) {
	s.t.Helper()
	out, status := s.verb(append([]string{"doctor", "--json"}, args...)...)
	var list []doctor.Finding
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
	all := map[string]doctor.Finding{}
	for _, f := range list {
		all[f.Check] = f
	}
	return all, status
}

func TestTheDoctorOnAVM(t *testing.T) {
	s := newSystem(t, true)
	forward := func(value string) {
		t.Helper()
		if out, err := s.VM(s.ctx, "sysctl", "-w", "net.ipv4.ip_forward="+value).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	forward("1")
	all, status := s.findings()
	if status != exit.Done {
		t.Errorf("on a VM that is well the status is %d: %v", status, all)
	}
	if f := all["share"]; !strings.Contains(f.Found, "fuse") || !strings.Contains(f.Found, "polled") {
		t.Errorf("of the share: %q", f.Found)
	}
	for _, check := range []string{"root", "bridge", "ip_forward", "base service-base", "base web-base", "port 80"} {
		if f := all[check]; f.State != doctor.OK {
			t.Errorf("%s: %s: %s", check, f.State, f.Found)
		}
	}

	forward("0")
	listener := s.VM(s.ctx, "busybox", "nc", "-l", "-p", "80")
	if err := listener.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = listener.Process.Kill() // by that, if not before, it ends
		_ = listener.Wait()
	})
	for deadline := time.Now().Add(30 * time.Second); all["port 80"].State != doctor.Failed; {
		if time.Now().After(deadline) {
			t.Fatalf("nobody is said to listen: %v", all["port 80"])
		}
		all, status = s.findings()
	}
	if status != exit.Failed || all["ip_forward"].State != doctor.Warning || !strings.Contains(all["port 80"].Found, "process") {
		t.Errorf("status %d, %v, %v", status, all["ip_forward"], all["port 80"])
	}
	out, status := s.verb("run")
	if status != exit.Failed || !strings.Contains(out, all["port 80"].Found) {
		t.Errorf("run ends with %d: %s", status, out)
	}

	all, status = s.findings("--fix")
	if f := all["ip_forward"]; status != exit.Failed || f.State != doctor.OK || f.Repaired == "" {
		t.Errorf("after --fix: status %d, %v", status, f)
	}
	if text, err := s.VM(s.ctx, "cat", "/proc/sys/net/ipv4/ip_forward").Output(); err != nil || string(text) != "1\n" {
		t.Errorf("ip_forward is %q, %v", text, err)
	}
}
