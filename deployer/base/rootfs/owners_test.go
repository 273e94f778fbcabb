package rootfs

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

const testFirst = 100000

// quiet is nobody who listens.
type quiet struct{}

func (quiet) Step(string)        {}
func (quiet) Line(string)        {}
func (quiet) Moved(int64, int64) {}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// capability is cap_net_raw=ep, as setcap writes it: version 2.
var capability = append([]byte{1, 0, 0, 2, 0, 0x20}, make([]byte, 14)...)

// acl grants user 7 something: version, then the owner, the user, the group,
// the mask and the others.
var acl = []byte{
	2, 0, 0, 0,
	1, 0, 6, 0, 255, 255, 255, 255,
	2, 0, 4, 0, 7, 0, 0, 0,
	4, 0, 4, 0, 255, 255, 255, 255,
	16, 0, 4, 0, 255, 255, 255, 255,
	32, 0, 0, 0, 255, 255, 255, 255,
}

func TestAFilesCapabilitiesAndAccessListsGoWithItsOwner(t *testing.T) {
	needRoot(t)
	root := t.TempDir()
	file := filepath.Join(root, "file")
	writeFile(t, file, "x")
	for attr, value := range map[string][]byte{xattrCapability: capability, xattrACL: acl} {
		err := unix.Lsetxattr(file, attr, value, 0)
		if errors.Is(err, unix.ENOTSUP) {
			t.Skipf("%s: %v", attr, err)
		}
		if err != nil {
			t.Fatal(attr, err)
		}
	}
	wantACL := bytes.Replace(acl, []byte{7, 0, 0, 0}, []byte{0xA7, 0x86, 1, 0}, 1)
	wantCap := append(append([]byte{1, 0, 0, 3}, capability[4:]...), 0xA0, 0x86, 1, 0)
	for range 2 { // what is shifted stays
		if err := ShiftOwners(t.Context(), root, testFirst, quiet{}); err != nil {
			t.Fatal(err)
		}
		for attr, want := range map[string][]byte{xattrCapability: wantCap, xattrACL: wantACL} {
			if got, err := attribute(file, attr); !bytes.Equal(got, want) || err != nil {
				t.Errorf("%s:\n% x, %v; want\n% x", attr, got, err, want)
			}
		}
	}
}

func TestAnOwnerWhomClonesDoNotKnowIsAnError(t *testing.T) {
	needRoot(t)
	root := t.TempDir()
	file := filepath.Join(root, "file")
	writeFile(t, file, "x")
	if err := os.Chown(file, 70000, 0); err != nil {
		t.Fatal(err)
	}
	err := ShiftOwners(t.Context(), root, testFirst, quiet{})
	want := "give " + file + " to unprivileged clones: it belongs to ID 70000, and clones have only those below 65536"
	if err == nil || err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
}
