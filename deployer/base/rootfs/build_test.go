package rootfs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyLoopback(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       bool
	}{
		{"the stub of systemd-resolved", "# stub\nnameserver 127.0.0.53\noptions edns0\n", true},
		{"both kinds of loopback", "nameserver 127.0.0.1\nnameserver ::1\n", true},
		{"one that others reach, too", "nameserver 127.0.0.1\nnameserver 10.0.3.1\n", false},
		{"a link-local address with a zone", "nameserver fe80::1%eth0\n", false},
		{"nothing", "search example\n#nameserver 127.0.0.1\n", false},
		{"a word that is no address", "nameserver here\n", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := onlyLoopback(test.text); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestMmdebstrapArgs(t *testing.T) {
	r := Recipe{Name: "b", Distribution: "ubuntu:noble", Packages: []string{"curl"}, Mirror: "http://mirror.example/u"}
	want := []string{
		"--verbose", "--mode=root", "--format=directory", "--variant=minbase",
		"--include=systemd,systemd-sysv,dbus,iproute2,ca-certificates,libnss-myhostname,curl",
		"--dpkgopt=force-unsafe-io", `--aptopt=Acquire::Languages "none"`, `--aptopt=Acquire::Retries "3"`,
		"--components=main,universe", "noble", "/p/b/rootfs", "http://mirror.example/u",
	}
	if diff := cmp.Diff(want, mmdebstrapArgs(r, "/p/b/rootfs")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
