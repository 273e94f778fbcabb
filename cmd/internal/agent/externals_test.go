package agent

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

func TestNamesThatLeaveTheMachineAreLookedUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said, complained []string
		type answer struct {
			addrs []string
			err   error
		}
		var answers atomic.Pointer[answer]
		finds := func(addrs ...string) { answers.Store(&answer{addrs: addrs}) }
		fails := func(why string) { answers.Store(&answer{err: errors.New(why)}) }
		var led map[string]netip.AddrPort
		all := []config.External{{Name: "db", Address: "db.example:5432"}, {Name: "mail", Address: "10.0.2.2:25"}}
		e := newExternals(all, func(s string) { said = append(said, s) }, func(s string) { complained = append(complained, s) })
		e.lookUp = func(_ context.Context, network, host string) ([]netip.Addr, error) {
			if network != "ip4" || host != "db.example" {
				t.Errorf("looked up %s by %s", host, network)
			}
			now := answers.Load()
			var addrs []netip.Addr
			for _, a := range now.addrs {
				addrs = append(addrs, netip.MustParseAddr(a))
			}
			return addrs, now.err
		}
		e.set = func(_ context.Context, to map[string]netip.AddrPort) error { led = to; return nil }
		want := func(db string) {
			t.Helper()
			want := map[string]netip.AddrPort{"mail": netip.MustParseAddrPort("10.0.2.2:25")}
			if db != "" {
				want["db"] = netip.MustParseAddrPort(db)
			}
			if !maps.Equal(led, want) {
				t.Errorf("they lead to %v, want %v", led, want)
			}
		}
		fails("no such host")
		led = e.first(t.Context())
		want("")
		if len(complained) != 1 || !strings.Contains(complained[0], "external.db: this machine does not find db.example:5432 (no such host)") {
			t.Errorf("complained: %q", complained)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); e.follow(ctx) }()
		defer func() { cancel(); <-done }()
		later := func() { time.Sleep(lookUpEvery + time.Second); synctest.Wait() }
		later()
		if len(complained) != 1 {
			t.Errorf("complained again: %q", complained)
		}
		finds("192.0.2.7", "192.0.2.6")
		later()
		want("192.0.2.6:5432")
		if len(said) != 1 || said[0] != "db leads to 192.0.2.6:5432" {
			t.Errorf("said %q", said)
		}
		finds("192.0.2.5", "192.0.2.6")
		later()
		want("192.0.2.6:5432") // as long as it is one of them
		finds("192.0.2.5")
		later()
		want("192.0.2.5:5432")
		fails("timeout")
		later()
		want("192.0.2.5:5432")
		if len(complained) != 2 || !strings.Contains(complained[1], "it leads to 192.0.2.5 as before") {
			t.Errorf("complained: %q", complained)
		}
		e.take(ctx, all[1:])
		synctest.Wait()
		want("")
	})
}
