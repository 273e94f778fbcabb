package enginetest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// inside is about what is done in a running instance beside its service.
var inside = []promise{
	{name: "a command gives what it printed, and its status is true", holds: func(t *trial) {
		t.boot(t.name(1))
		t.isUp(t.name(1))
		for _, status := range []int{3, 127} {
			_, err := t.Engine.Run(t.ctx(), t.name(1), t.FailBy(status))
			for _, want := range []string{"status " + strconv.Itoa(status), "failed"} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("a command that failed: %v; want %q", err, want)
				}
			}
		}
		out, err := t.Engine.Run(t.ctx(), t.name(1), t.Say(strings.Repeat("x", 100<<10)))
		if err != nil || len(out) == 0 || len(out) > 64<<10 {
			t.Errorf("a command that printed much: %d bytes, %v", len(out), err)
		}
	}},
	{name: "a command that does not end is cut off, and the instance is as well as before", holds: func(t *trial) {
		t.boot(t.name(1))
		t.endsWithContext(func(ctx context.Context) error {
			_, err := t.Engine.Run(ctx, t.name(1), t.Sleep())
			return err
		})
		t.isUp(t.name(1))
	}},
	{name: "a port is reached, and its connections are counted", holds: func(t *trial) {
		t.run(t.name(1), t.Serve(8080))
		connections := func() int {
			t.Helper()
			open, busy, err := t.Engine.Connections(t.ctx(), t.name(1), 8080)
			t.must(err)
			if busy > 0 {
				t.Errorf("%d are busy, and nobody has asked anything", busy)
			}
			return open
		}
		var conns []net.Conn
		t.eventually("a connection", func() bool {
			conn, err := t.Engine.Dial(t.ctx(), t.name(1), 8080)
			if err == nil {
				conns = append(conns, conn)
			}
			return err == nil
		})
		if conn, err := t.Engine.Dial(t.ctx(), t.name(1), 8081); err == nil {
			conn.Close()
			t.Error("nobody listens at 8081")
		}
		t.eventually("one is counted", func() bool { return connections() == 1 })
		if n, _, err := t.Engine.Connections(t.ctx(), t.name(1), 8081); n != 0 || err != nil {
			t.Errorf("to another port there are %d, %v", n, err)
		}
		t.must(t.Engine.Disconnect(t.ctx(), t.name(1), 8080))
		if n := connections(); n != 1 {
			t.Errorf("%d are open after those in use were ended, and the one that nobody uses is not among these", n)
		}
		for _, conn := range conns {
			conn.Close()
		}
		t.eventually("none is counted", func() bool { return connections() == 0 })
	}},
	{name: "what the service listens on is told, and not what others there do", holds: func(t *trial) {
		t.boot(t.name(1))
		_, err := t.Engine.Run(t.ctx(), t.name(1), t.Listen(9090))
		t.must(err)
		listening := func() []deployer.Listener {
			t.Helper()
			all, err := t.Engine.Listening(t.ctx(), t.name(1))
			t.must(err)
			return all
		}
		if all := listening(); len(all) > 0 {
			t.Errorf("before its service runs, it listens on %v", all)
		}
		t.install(t.name(1), t.Serve(8080))
		t.must(t.Engine.Launch(t.ctx(), t.name(1)))
		t.eventually("it listens", func() bool { return len(listening()) > 0 })
		for _, l := range listening() {
			if l.UDP || l.Addr.Port() != 8080 || l.Addr.Addr().IsLoopback() {
				t.Errorf("it listens on %+v", l)
			}
		}
		t.must(t.Engine.Quit(t.ctx(), t.name(1), time.Second))
		if all := listening(); len(all) > 0 {
			t.Errorf("when its service has ended, it listens on %v", all)
		}
	}},
	{name: "a file is read and written", holds: func(t *trial) {
		t.boot(t.name(1))
		const name = "/opt/some/where/file"
		if _, err := t.Engine.ReadFile(t.ctx(), t.name(1), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("one that is not there: %v", err)
		}
		for _, text := range []string{"hello", "", "a\x00b\n"} {
			t.must(t.Engine.WriteFile(t.ctx(), t.name(1), name, []byte(text), 0o600))
			if got, err := t.Engine.ReadFile(t.ctx(), t.name(1), name); err != nil || string(got) != text {
				t.Errorf("it holds %q, %v; want %q", got, err, text)
			}
		}
		t.must(t.Engine.Stop(t.ctx(), t.name(1), 0))
		_, err := t.Engine.Start(t.ctx(), t.name(1))
		t.must(err)
		if got, err := t.Engine.ReadFile(t.ctx(), t.name(1), name); err != nil || string(got) != "a\x00b\n" {
			t.Errorf("after another boot it holds %q, %v", got, err)
		}
	}},
	{name: "what is no regular file is neither read nor written", holds: func(t *trial) {
		t.boot(t.name(1))
		if len(t.Irregular) == 0 {
			t.Fatal("the harness knows none")
		}
		for _, name := range t.Irregular {
			if got, err := t.Engine.ReadFile(t.ctx(), t.name(1), name); err == nil {
				t.Errorf("%s was read: %q", name, got)
			}
			if err := t.Engine.WriteFile(t.ctx(), t.name(1), name, []byte("x"), 0o644); err == nil {
				t.Errorf("%s was written", name)
			}
		}
	}},
	{name: "a file of more than 16 MiB is not read", holds: func(t *trial) {
		t.boot(t.name(1))
		for _, size := range []int{16 << 20, 16<<20 + 1} {
			text := bytes.Repeat([]byte("x"), size)
			t.must(t.Engine.WriteFile(t.ctx(), t.name(1), "/opt/large", text, 0o644))
			got, err := t.Engine.ReadFile(t.ctx(), t.name(1), "/opt/large")
			if size > 16<<20 && err == nil || size <= 16<<20 && (err != nil || !bytes.Equal(got, text)) {
				t.Errorf("of %d bytes %d were read, %v", size, len(got), err)
			}
		}
	}},
	{name: "nothing is done inside what does not run", holds: func(t *trial) {
		t.create(t.name(1))
		for _, name := range []string{t.name(1), "never-1"} {
			if _, err := t.Engine.Run(t.ctx(), name, t.Say("hello")); err == nil {
				t.Errorf("a command was run in %s", name)
			}
			if _, err := t.Engine.ReadFile(t.ctx(), name, "/etc/hostname"); err == nil {
				t.Errorf("a file of %s was read", name)
			}
			if err := t.Engine.WriteFile(t.ctx(), name, "/etc/x", nil, 0o644); err == nil {
				t.Errorf("a file of %s was written", name)
			}
			if err := t.Engine.Install(t.ctx(), name, t.artefacts(nil), target, t.Print()); err == nil {
				t.Errorf("%s was installed into", name)
			}
			short, cancel := context.WithTimeout(t.ctx(), time.Second)
			if conn, err := t.Engine.Dial(short, name, 8080); err == nil {
				conn.Close()
				t.Errorf("%s was connected to", name)
			}
			cancel()
			if t.Engine.Disconnect(t.ctx(), name, 8080) == nil {
				t.Errorf("the connections of %s are ended", name)
			}
			if _, _, err := t.Engine.Connections(t.ctx(), name, 8080); err == nil {
				t.Errorf("connections of %s were counted", name)
			}
			if _, err := t.Engine.Listening(t.ctx(), name); err == nil {
				t.Errorf("what %s listens on was told", name)
			}
			if _, err := t.Engine.Memory(t.ctx(), name); err == nil {
				t.Errorf("memory of %s was counted", name)
			}
		}
	}},
	{name: "memory and space are told", holds: func(t *trial) {
		t.run(t.name(1), t.Print())
		if n, err := t.Engine.Memory(t.ctx(), t.name(1)); err == nil && n <= 0 {
			t.Errorf("it holds %d bytes", n)
		}
		spaces, err := t.Engine.Space(t.ctx())
		t.must(err)
		for _, s := range spaces {
			if s.Where == "" || s.Bytes == 0 || s.Files == 0 && !s.NoFiles {
				t.Errorf("free is %+v", s)
			}
		}
		if len(spaces) == 0 {
			t.Error("nothing is told of space")
		}
	}},
}
