package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/lab"
	"github.com/jarloop/jarloop/deployer"
)

const personSource = "person/src/main/java/jarloop/example/person/PersonApplication.java"

// play does what a developer does with the sample system, and gives what is seen.
// Whatever else is to be seen than should be is an error.
func play(ctx context.Context, checkout string) (pictures []picture, err error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("the lab needs root, for containers and namespaces: run it with sudo")
	}
	l, err := lab.New(ctx, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	d, err := newDeveloper(ctx, l, checkout)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.close()) }()

	d.builds("buildJar")
	d.types("agent", "jarloop run")
	d.waits("all is live and has a standby", d.settled)
	d.entitled("agent", "jarloop: all 6 live")
	d.edits(personSource, "\n}\n", "\n}\n\n// changed\n")
	d.builds(":person:buildJar")
	d.sees("agent", 0, "person", "retired", "person-1")
	d.waits("all is live and has a standby", d.settled)
	rows := d.rows("agent")
	pictures = append(pictures, picture{
		name: "run", about: "jarloop run brings up six services, and then a new build of one of them within a second.",
		screen: screen{Title: d.title("agent"), Rows: rows},
	})

	const begin = "public static void main(String[] args) {"
	d.edits(personSource, begin, begin+"\n        if (true) throw new IllegalStateException(\"no database\");")
	d.builds(":person:buildJar")
	d.sees("agent", len(rows), "person", "FAILED", "person-2 still serves")
	d.sees("agent", len(rows), "person", "kept", "jarloop enter person --failed")
	d.entitled("agent", "jarloop: person failed")
	pictures = append(pictures, picture{
		name: "failure", about: "A build of person whose main method throws: jarloop shows the stack trace and goes on with the previous generation.",
		screen: screen{Title: d.title("agent"), Rows: below(d.rows("agent"), len(rows))},
	})

	v := d.looks(1280, 860)
	pictures = append(pictures,
		d.takes(v, "page", "light", "#/", "document.querySelector('.problem') && document.querySelectorAll('.card').length === 6 && document.querySelector('.card[data-service=person] .broke')"),
		d.takes(v, "page-service", "dark", "#/service/person", "document.querySelector('.trace') && document.querySelectorAll('.bars a').length === 3 && document.querySelector('.own-logs .line') && document.querySelector('.lane.broke')"))
	d.does(func() error { return v.Close() })

	d.opens("other")
	d.types("other", "jarloop status")
	d.sees("other", 0, "agent ", "process ", "watches ")
	d.prompted("other")
	rows = d.rows("other")
	pictures = append(pictures, picture{
		name: "status", about: "jarloop status: a table of the six services. Of person it says that the newest files have failed, and why.",
		screen: screen{Title: d.title("other"), Rows: rows[:max(0, len(rows)-1)]}, // without the prompt
	})

	d.interrupts()
	for i := range pictures {
		pictures[i].screen.Rows = d.anywhere(pictures[i].screen.Rows)
	}
	return pictures, d.err
}

// developer is who builds on the laptop and looks at a terminal on the VM. After
// an error nothing more is done.
type developer struct {
	*lab.Lab
	*terminal
	ctx     context.Context
	program string
	example string // a copy, to edit
	control *control.Client
	err     error
}

// newDeveloper prepares all that there is before the agent is started.
func newDeveloper(ctx context.Context, l *lab.Lab, checkout string) (*developer, error) {
	d := &developer{
		Lab: l, ctx: ctx, program: filepath.Join(l.Dir, "jarloop"),
		control: control.NewClient(filepath.Join(l.Dir, "run", "jarloop.sock")),
	}
	text, err := l.Configuration(checkout)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(l.Dir, "config.toml")
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	// The address of the page has its token, which is to be the same in each picture.
	token := base64.RawURLEncoding.EncodeToString([]byte("a token for pictures, no secret!"))
	state := filepath.Join(l.Dir, "state")
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(state, "page-token"), []byte(token), 0o600); err != nil {
		return nil, err
	}
	if d.example, err = l.Example(ctx, checkout); err != nil {
		return nil, err
	}
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-o", d.program, "./cmd/jarloop")
	build.Dir = checkout
	build.Env = append(os.Environ(), "GOFLAGS=")
	for _, cmd := range []*exec.Cmd{
		build,
		exec.CommandContext(ctx, d.program, "provision", "--config", config), // outside of the VM, which has no way to packages
		l.VM(ctx, "sysctl", "-qw", "net.ipv4.ip_forward=1"),                  // or that it was turned on is among the lines
	} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%q: %w: %s", cmd.Args, err, out)
		}
	}
	d.terminal, err = newTerminal(ctx, l, d.program, "agent")
	return d, err
}

// does does one thing, unless one before has failed.
func (d *developer) does(what func() error) {
	if d.err == nil {
		d.err = what()
	}
}

func (d *developer) builds(task string) {
	d.does(func() error { return d.Gradle(d.ctx, d.example, task) })
}

// edits replaces what stands once in a file of the example.
func (d *developer) edits(file, old, new string) {
	d.does(func() error {
		path := filepath.Join(d.example, file)
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := strings.Count(string(text), old); n != 1 {
			return fmt.Errorf("%q stands %d times in %s", old, n, file)
		}
		return os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o644)
	})
}

func (d *developer) types(window, command string) {
	d.does(func() error {
		return errors.Join(d.run("send-keys", "-t", "vm:"+window, "-l", command), d.run("send-keys", "-t", "vm:"+window, "Enter"))
	})
}

func (d *developer) opens(window string) {
	d.does(func() error { return d.open(window) })
	d.prompted(window)
}

// waits waits until something is so.
func (d *developer) waits(what string, so func() (bool, error)) {
	d.does(func() error { return d.await(d.ctx, what, so) })
}

// prompted waits until the shell of a window asks for the next command.
func (d *developer) prompted(window string) {
	d.waits("the prompt", func() (bool, error) { return d.asks(window) })
}

// entitled waits until a window has a title.
func (d *developer) entitled(window, title string) {
	d.waits("the title "+title, func() (bool, error) {
		got, err := d.terminal.title(window)
		return got == title, err
	})
}

// sees waits until there is a row, not among the first ones, with all of texts.
func (d *developer) sees(window string, first int, texts ...string) {
	d.waits(strings.Join(texts, " … "), func() (bool, error) {
		rows, err := d.terminal.rows(window)
		return slices.ContainsFunc(below(rows, first), func(r row) bool {
			return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(r.String(), text) })
		}), err
	})
}

func (d *developer) rows(window string) (rows []row) {
	d.does(func() (err error) { rows, err = d.terminal.rows(window); return err })
	return rows
}

func (d *developer) title(window string) (title string) {
	d.does(func() (err error) { title, err = d.terminal.title(window); return err })
	return title
}

// settled says whether each service is live and has its standby, and no
// generation drains.
func (d *developer) settled() (bool, error) {
	status, err := d.control.Status(d.ctx)
	if errors.Is(err, control.ErrNoAgent) {
		return false, nil // yet
	}
	return err == nil && len(status.Services) > 0 && !slices.ContainsFunc(status.Services, func(s deployer.Status) bool {
		return s.State != "live" || s.Standby == "" || len(s.Draining) > 0
	}), err
}

var lastWords = regexp.MustCompile(`^\d\d:\d\d:\d\d +jarloop  stopped; what is live goes on serving$`)

// interrupts ends the agent, and looks at what is left.
func (d *developer) interrupts() {
	first := len(d.rows("agent"))
	d.does(func() error { return d.run("send-keys", "-t", "vm:agent", "C-c") })
	d.prompted("agent")
	rows := d.rows("agent")
	d.does(func() error {
		if n := len(rows) - 2; n < first-1 || !lastWords.MatchString(rows[n].String()) {
			return fmt.Errorf("the agent's last words are not among %v", below(rows, first-1))
		}
		return nil
	})
	d.entitled("agent", "root@vm")
	d.types("agent", "echo exited with $?")
	d.sees("agent", first, "exited with 0")
	d.does(func() error {
		switch _, err := d.control.Status(d.ctx); {
		case err == nil:
			return errors.New("an agent still answers")
		case !errors.Is(err, control.ErrNoAgent):
			return err
		}
		client := &http.Client{Transport: d.Client(false).Transport, Timeout: 10 * time.Second}
		response, err := client.Get("http://" + lab.Address + "/api")
		if err != nil {
			return fmt.Errorf("what was live does not serve: %w", err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("what was live does not serve: %s", response.Status)
		}
		return nil
	})
}

// anywhere is rows without what is of this lab alone.
func (d *developer) anywhere(rows []row) []row {
	by := strings.NewReplacer(d.Host, "/host", "fuse.bindfs", "fuse")
	var all []row
	for _, r := range rows {
		r = slices.Clone(r)
		for i := range r {
			r[i].Text = by.Replace(r[i].Text)
		}
		all = append(all, r)
	}
	return all
}

// below are the rows after the first n.
func below(rows []row, n int) []row { return rows[min(max(n, 0), len(rows)):] }
