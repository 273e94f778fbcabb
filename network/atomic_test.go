package network

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer"
)

// many serves at ports from 9000 of a guest, and answers with the port's place
// in that row: each is one generation of a service.
func (l *lab) many(addr string, n int) {
	l.t.Helper()
	l.guest(addr)
	for i := range n {
		var listener net.Listener
		l.within(l.guests[addr], func() (err error) {
			listener, err = net.Listen("tcp4", fmt.Sprintf("%s:%d", addr, 9000+i))
			return err
		})
		l.t.Cleanup(func() { listener.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(conn, strconv.Itoa(i))
				conn.Close()
			}
		}()
	}
}

// generation asks for that which an address reaches.
func (l *lab) generation(from netns.NsHandle, address string) (n int, err error) {
	err = inside(from, func() error {
		conn, err := net.DialTimeout("tcp4", address, 2*time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		text, err := io.ReadAll(conn)
		if err != nil {
			return err
		}
		n, err = strconv.Atoi(string(text))
		return err
	})
	return n, err
}

// TestNobodySeesAHalfOfASwitch moves two services from generation to generation
// while they are asked one after the other, in both orders: who has met the new
// generation of one never meets the old one of the other.
func TestNobodySeesAHalfOfASwitch(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		const generations = 200
		l.canaries()
		l.many("10.0.3.131", generations)
		l.many("10.0.3.132", generations)
		p := l.ports(web80, deployer.Publish{Interface: "eth0", Port: 81, Protocol: "tcp", Service: "api"})
		to := func(i int) map[string]netip.AddrPort {
			port := uint16(9000 + i)
			return map[string]netip.AddrPort{
				"web": netip.AddrPortFrom(netip.MustParseAddr("10.0.3.131"), port),
				"api": netip.AddrPortFrom(netip.MustParseAddr("10.0.3.132"), port),
			}
		}
		set(t, p, to(0), true)
		ctx, stop := context.WithCancel(t.Context())
		var asking sync.WaitGroup
		for _, order := range [][2]string{{"10.0.4.2:80", "10.0.4.2:81"}, {"10.0.4.2:81", "10.0.4.2:80"}} {
			asking.Go(func() {
				asked := 0
				for ; ctx.Err() == nil; asked++ {
					first, err := l.generation(l.laptop, order[0])
					second, e := l.generation(l.laptop, order[1])
					if err != nil || e != nil || second < first {
						t.Errorf("%s has generation %d, and then %s has %d (%v, %v)", order[0], first, order[1], second, err, e)
						return
					}
				}
				if asked < 10 {
					t.Errorf("%s was asked only %d times", order[0], asked)
				}
			})
		}
		for i := 1; i < generations; i++ {
			set(t, p, to(i), true)
		}
		stop()
		asking.Wait()
	})
}

// TestNoRequestFailsWhileJumpsArePutBack has somebody double our jumps.
func TestNoRequestFailsWhileJumpsArePutBack(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		l.canaries()
		web := map[string]netip.AddrPort{"web": l.guest("10.0.3.131")}
		p := l.ports(web80)
		set(t, p, web, true)
		want := l.save()
		l.askWhile(l.laptop, "10.0.4.2:80", []string{"10.0.3.131"}, func(int) {
			l.run("-t nat -A PREROUTING -m addrtype --dst-type LOCAL -m comment --comment jarloop -j JARLOOP")
			l.run("-I FORWARD -m comment --comment jarloop -j JARLOOP-FWD")
			repair(t, p, web, true)
			same(t, "rules", want, l.save())
		})
	})
}

// TestNothingIsLeftOfACommandThatIsGivenUp has iptables-restore, and what it has
// started, hang.
func TestNothingIsLeftOfACommandThatIsGivenUp(t *testing.T) {
	dir := t.TempDir()
	pidFile := filepath.Join(dir, "pid")
	restore := filepath.Join(dir, "restore")
	script := "#!/bin/sh\nsleep 1000 &\necho $! >" + pidFile + ".new\nmv " + pidFile + ".new " + pidFile + "\nwait\n"
	if err := os.WriteFile(restore, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, giveUp := context.WithCancelCause(t.Context())
	defer giveUp(nil)
	done := make(chan error, 1)
	go func() { done <- (&ipTables{restore: restore, lockWait: time.Minute}).apply(ctx, "") }()
	var pid int
	for deadline := time.Now().Add(10 * time.Second); pid == 0; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(pidFile)
		if err == nil {
			pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		}
		if err != nil && time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	giveUp(errFake)
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), errFake.Error()) {
			t.Errorf("given up: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it goes on")
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(text), ") Z ") {
			break // it is gone, or waits for the init that has inherited it
		}
		if time.Now().After(deadline) {
			_ = unix.Kill(pid, unix.SIGKILL)
			t.Fatal("what it has started goes on")
		}
	}
}
