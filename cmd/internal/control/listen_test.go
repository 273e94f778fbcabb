package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
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
	if err := os.Chmod("/proc/self/exe", 0o755); err != nil { // built with a private umask, it is root's alone
		t.Fatal(err)
	}
	const answered = "<nil>"
	for _, c := range []struct {
		name     string
		uid, gid uint32
		groups   []uint32
		mode     fs.FileMode
		want     string // in what the client says
	}{
		{"root", 0, 0, nil, 0o660, answered},
		{"root in another group", 0, 65534, nil, 0o660, answered},
		{"a user of root's group", 65534, 0, nil, 0o660, answered},
		{"a user who is in root's group beside another", 65534, 65534, []uint32{100, 0}, 0o660, answered},
		{"a user of many groups, root's the last", 65534, 65534, append(many(500), 0), 0o660, answered},
		{"another user, whom the mode keeps out", 65534, 65534, nil, 0o660, "permission denied: only root may: run it with sudo"},
		{"another user, although the mode was changed", 65534, 65534, nil, 0o666, "ask the agent on "},
		{"one of many groups, none of them root's", 65534, 65534, many(500), 0o666, "ask the agent on "},
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
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: c.uid, Gid: c.gid, Groups: c.groups}}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.want) {
				t.Errorf("it says %q (%v), want %q", out, err, c.want)
			}
			if was := len(asked) > 0; was != (c.want == answered) {
				t.Errorf("the agent was asked: %t", was)
			}
			if c.mode != 0o666 {
				return // the kernel refuses before anybody is told
			}
			select {
			case text := <-s.warned:
				if !strings.Contains(text, fmt.Sprintf("of user %d, group %d", c.uid, c.gid)) {
					t.Errorf("the refusal is reported as %q", text)
				}
			case <-time.After(soon):
				t.Error("the refusal is not reported")
			}
		})
	}
}

// many gives n groups, without root's.
func many(n int) []uint32 {
	groups := make([]uint32, n)
	for i := range groups {
		groups[i] = uint32(1000 + i)
	}
	return groups
}

func TestOneWhoIsRefusedCannotFillTheLog(t *testing.T) {
	var told []string
	r := refusals{warn: func(text string) { told = append(told, text) }}
	now := time.Now()
	for range 10_000 {
		r.add(peer{pid: 7, uid: 1000, gid: 100}, nil, now)
	}
	r.add(peer{}, errors.New("gone"), now.Add(refusalRest))
	want := []string{
		"refused process 7 of user 1000, group 100, on the socket: only root and its group may ask",
		"refused a client on the socket, of whom the kernel says nothing: gone (and 9999 more before)",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told\n%q, want\n%q", told, want)
	}
}

func TestASocketOfSomebodyElseIsLeftAlone(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give a file away")
	}
	path := filepath.Join(folder(t), "sock")
	other, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	_, err = Listen(path)
	if want := path + " is a socket of user 65534: move it away"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if conn, err := net.Dial("unix", path); err != nil {
		t.Errorf("it is no longer there: %v", err)
	} else {
		conn.Close()
	}
}
