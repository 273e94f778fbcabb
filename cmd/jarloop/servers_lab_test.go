package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// server is one that init adds with --with. Its commands run in its own container, with
// PASSWORD in place of the password.
type server struct {
	name        string
	write, read string
	// want is what read prints.
	want string
}

var servers = []server{
	{
		name:  "mariadb",
		write: "mariadb --protocol=tcp -h 127.0.0.1 -uapp -pPASSWORD app -e \"CREATE TABLE t (w TEXT); INSERT INTO t VALUES ('Grüße')\"",
		read:  "mariadb --protocol=tcp -h 127.0.0.1 -uapp -pPASSWORD app -N -e 'SELECT w FROM t'", want: "Grüße",
	},
	{
		name: "redis", write: "redis-cli -h 127.0.0.1 --no-auth-warning -a PASSWORD SET w kept", read: "redis-cli -h 127.0.0.1 --no-auth-warning -a PASSWORD GET w", want: "kept",
	},
	{
		name:  "rabbitmq",
		write: "HOME=/var/lib/rabbitmq RABBITMQ_NODENAME=rabbit@localhost /usr/sbin/rabbitmqctl -q add_vhost kept",
		read:  "HOME=/var/lib/rabbitmq RABBITMQ_NODENAME=rabbit@localhost sh -c '/usr/sbin/rabbitmqctl -q authenticate_user app PASSWORD >/dev/null && /usr/sbin/rabbitmqctl -q --no-table-headers list_vhosts | grep kept'", want: "kept",
	},
}

// TestServersOfInit brings up what init adds with --with, without a change. What is
// written there is there after the next generation has taken over, which has another
// password.
func TestServersOfInit(t *testing.T) {
	if os.Getenv("JARLOOP_APPS") == "" {
		t.Skip("make apps runs this: the bases want packages")
	}
	s := newLab(t, true)
	must(t, os.MkdirAll(filepath.Join(s.Share, "volume-nginx-conf.d"), 0o755))
	s.write(filepath.Join(s.Share, "volume-nginx-conf.d", "nginx.conf"), "events {}\nhttp { server { listen 8080; return 200; } }\n")
	written := filepath.Join(s.Dir, "init.toml")
	if out, err := s.VM(s.ctx, s.program, "init", s.Host, "-o", written, "--with", "mariadb,redis,rabbitmq,mail").CombinedOutput(); err != nil {
		t.Fatalf("init: %v: %s", err, out)
	}
	s.write(s.config, fmt.Sprintf("state = %q\nrun = %q\n", filepath.Join(s.Dir, "state"), filepath.Join(s.Dir, "run"))+
		s.readAt(written)+fmt.Sprintf("\n[lxc]\npath = %q\n", s.LXC))
	s.provision()
	agent := s.run()
	for _, one := range servers {
		agent.await(0, "live", one.name)
		s.inServer(one, one.write)
		if got := s.inServer(one, one.read); got != one.want {
			t.Errorf("%s: %q", one.name, got)
		}
	}
	agent.await(0, "live", "mail")
	s.sendsMail(agent)

	from := agent.now()
	s.write(s.config, passwords.ReplaceAllString(s.readAt(s.config), "$1 = \"another-one\""))
	for _, one := range servers {
		agent.await(from, "live", one.name)
		if got := s.inServer(one, one.read); got != one.want {
			t.Errorf("%s, with another password: %q", one.name, got)
		}
	}
	if out := agent.output(); strings.Contains(out, "another-one") {
		t.Errorf("a password is in what the agent wrote:\n%s", out)
	}
	if status := agent.stop(); status != 0 {
		t.Errorf("the agent has ended with status %d", status)
	}
}

// passwords are the variables with one.
var passwords = regexp.MustCompile(`(MARIADB_PASSWORD|REDIS_PASSWORD|RABBITMQ_DEFAULT_PASS) = "([^"]+)"`)

// inServer runs a command in the container of a server, and gives what it prints.
func (s *system) inServer(one server, command string) string {
	s.t.Helper()
	for _, m := range passwords.FindAllStringSubmatch(s.readAt(s.config), -1) {
		if strings.HasPrefix(strings.ToLower(m[1]), one.name) {
			command = strings.ReplaceAll(command, "PASSWORD", m[2])
		}
	}
	out, err := s.VM(s.ctx, s.program, "enter", "--config", s.config, one.name, "--", "sh", "-c", command).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s: %v: %s", one.name, err, out)
	}
	return strings.TrimSpace(string(out))
}

// sendsMail sends one, which is in the log then.
func (s *system) sendsMail(agent *agentProcess) {
	s.t.Helper()
	const sends = `import smtplib; smtplib.SMTP("127.0.0.1", 1025).sendmail("a@example.org", ["b@example.org"], "Subject: Hello\n\nyour order is on its way")`
	out, err := s.VM(s.ctx, s.program, "enter", "--config", s.config, "mail", "--", "python3", "-c", sends).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
	agent.eventually("the mail is in the log", func() bool {
		out, _ := s.verb("logs", "mail")
		return strings.Contains(out, "your order is on its way")
	})
}
