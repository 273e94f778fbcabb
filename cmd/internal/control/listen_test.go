package control

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestTheSocketIsForRootAndItsGroup(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0)) // which must not decide
	_, path := listen(t)
	info, err := os.Stat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o660 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestASocketThatAnAgentLeftIsReplaced(t *testing.T) {
	path := filepath.Join(folder(t), "sock")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false) // as after a kill -9
	left.Close()
	if _, err := client(t, path).Status(t.Context()); !errors.Is(err, ErrNoAgent) {
		t.Errorf("asked of the socket that was left: %v", err)
	}
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	s := serveOn(t, l, path, idle)
	if _, err := client(t, path).Status(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
	if _, err := client(t, path).Status(t.Context()); !errors.Is(err, ErrNoAgent) {
		t.Errorf("asked when it is gone: %v", err)
	}
}

func TestWhatIsNoSocketIsLeftAlone(t *testing.T) {
	for _, c := range []struct {
		name string
		put  func(path string) error
	}{
		{"a file", func(path string) error { return os.WriteFile(path, []byte("mine"), 0o600) }},
		{"a folder", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"a pipe", func(path string) error { return syscall.Mkfifo(path, 0o600) }},
		{"a link to a socket", func(path string) error {
			if l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path + ".other"}); err != nil {
				return err
			} else {
				l.SetUnlinkOnClose(false)
				l.Close()
			}
			return os.Symlink(path+".other", path)
		}},
		{"a link to nowhere", func(path string) error { return os.Symlink("/nowhere", path) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(folder(t), "sock")
			if err := c.put(path); err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Listen(path)
			if want := path + " is there and is no socket: move it away"; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			after, err := os.Lstat(path)
			if err != nil || !os.SameFile(before, after) {
				t.Errorf("it is no longer there: %v", err)
			}
		})
	}
}

func TestListenWhereNothingCanBeMade(t *testing.T) {
	path := filepath.Join(folder(t), "none", "sock")
	if _, err := Listen(path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
}

func TestWhoMayAsk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become another user")
	}
	const answered = "<nil>"
	for _, c := range []struct {
		name     string
		uid, gid uint32
		mode     fs.FileMode
		want     string // in what the client says
	}{
		{"root", 0, 0, 0o660, answered},
		{"root in another group", 0, 65534, 0o660, answered},
		{"a user of root's group", 65534, 0, 0o660, answered},
		{"another user, whom the mode keeps out", 65534, 65534, 0o660, "permission denied: only root may: run it with sudo"},
		{"another user, although the mode was changed", 65534, 65534, 0o666, "ask the agent on "},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := make(chan struct{}, 1)
			s := serve(t, fake{status: func() Status { asked <- struct{}{}; return Status{} }})
			if err := os.Chmod(s.path, c.mode); err != nil {
				t.Fatal(err)
			}
			// The way to this program may be closed to others; its link is not.
			cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
			cmd.Env = append(os.Environ(), asAnother+"="+s.path, "GORACE=atexit_sleep_ms=0")
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: c.uid, Gid: c.gid}}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.want) {
				t.Errorf("it says %q (%v), want %q", out, err, c.want)
			}
			if was := len(asked) > 0; was != (c.want == answered) {
				t.Errorf("the agent was asked: %t", was)
			}
		})
	}
}
