package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/lab"
)

// bench is what all measurements need, made once.
type bench struct {
	root    string // of the checkout
	program string
	work    string // a folder of its own
	classes classes
	only    []string // applications; none: all
	rounds  int      // 0: what the measurement takes for itself
	quick   bool
	report  *report
}

// n is the number of rounds: what the person says, else the one for CI or the
// full one.
func (b *bench) n(quick, full int) int {
	switch {
	case b.rounds > 0:
		return b.rounds
	case b.quick:
		return quick
	}
	return full
}

// rig is a lab with a program and a configuration to run in it.
type rig struct {
	*lab.Lab
	*bench
	config  string
	agent   *agent // nil: none runs
	control *control.Client
	version int // of the newest artefacts, of whatever service
}

// withRig stands a lab up for one measurement, and takes it down.
func (b *bench) withRig(ctx context.Context, do func(*rig) error) (err error) {
	l, err := lab.New(ctx, true)
	if err != nil {
		return err
	}
	r := &rig{
		Lab: l, bench: b, config: filepath.Join(l.Dir, "config.toml"),
		control: control.NewClient(filepath.Join(l.Dir, "run", "jarloop.sock")),
	}
	defer func() { err = errors.Join(err, r.stop(), l.Close()) }()
	return do(r)
}

// service is one that the benchmark makes up.
type service struct {
	name  string
	port  int // also the one that it is published at
	delay time.Duration
	drain time.Duration
}

// artefact is the file of a service that a rebuild replaces, as it was built.
type artefact struct {
	path string
	data []byte
}

// url is where the laptop reaches the service.
func (s service) url() string { return fmt.Sprintf("http://%s:%d/", lab.Address, s.port) }

// folder is the service's on the laptop.
func (r *rig) folder(s service) string { return filepath.Join(r.Share, "volume-"+s.name) }

// sections are parts of the shipped configuration, with what follows their
// header up to the first empty line.
func sections(text, kind string) string {
	found := regexp.MustCompile(`(?m)^\[`+regexp.QuoteMeta(kind)+`[^\n]*\n(?:[^\[\n][^\n]*\n)*`).FindAllString(text, -1)
	return strings.Join(found, "\n")
}

var javaFlags = regexp.MustCompile(`exec += "(java .*?)-jar `)

// shipped is the configuration that comes with the program.
func (b *bench) shipped() (string, error) {
	text, err := os.ReadFile(filepath.Join(b.root, "config.toml"))
	return string(text), err
}

// java is the command that the shipped configuration runs a JVM by.
func (b *bench) java() (string, error) {
	text, err := b.shipped()
	if err != nil {
		return "", err
	}
	found := javaFlags.FindStringSubmatch(text)
	if found == nil {
		return "", errors.New("config.toml has no service that runs a JAR")
	}
	return found[1], nil
}

// configure writes a configuration with these services, each published at its
// port, with the shipped bases and JVM flags.
func (r *rig) configure(standby bool, services ...service) error {
	text, err := r.shipped()
	if err != nil {
		return err
	}
	java, err := r.java()
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "state = %q\nrun = %q\n[watch]\ndir = %q\n[lxc]\npath = %q\nstandby = %t\n\n%s\n",
		filepath.Join(r.Dir, "state"), filepath.Join(r.Dir, "run"), r.Host, r.LXC, standby, sections(text, "base."))
	for _, s := range services {
		b.WriteString(s.section(java))
	}
	return os.WriteFile(r.config, []byte(b.String()), 0o644)
}

// section is the service's part of a configuration.
func (s service) section(java string) string {
	drain := s.drain
	if drain == 0 {
		drain = 10 * time.Second
	}
	return fmt.Sprintf("[service.%s]\nbase = \"service-base\"\nexec = %q\nport = %d\nhealth = { path = \"/\" }\ndrain = %q\n"+
		"[[publish]]\ninterface = \"eth0\"\nport = %d\nservice = %q\n",
		s.name, s.exec(java), s.port, drain, s.port, s.name)
}

// exec is the service's command.
func (s service) exec(java string) string {
	return fmt.Sprintf("%s-jar /%s/Service.jar %d %d", java, s.name, s.port, s.delay.Milliseconds())
}

// provision builds the bases that are missing. It runs outside of the lab,
// whose VM has no way to packages.
func (r *rig) provision(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, r.program, "provision", "--config", r.config).CombinedOutput()
	if err != nil {
		return fmt.Errorf("provision: %w: %s", err, out)
	}
	return nil
}

// furnish gives the rig all that an agent needs to bring these services up, with
// standbys: a configuration, bases and artefacts.
func (r *rig) furnish(ctx context.Context, services ...service) error {
	if err := r.configure(true, services...); err != nil {
		return err
	}
	if err := r.provision(ctx); err != nil {
		return err
	}
	_, err := r.saveNext(services...)
	return err
}

// start starts the agent and waits until everything is at rest.
func (r *rig) start(ctx context.Context) (err error) {
	if r.agent, err = startAgent(r.Lab, r.program, r.config); err != nil {
		return err
	}
	return r.rest(ctx)
}

// stop stops the agent if one runs.
func (r *rig) stop() error {
	if r.agent == nil {
		return nil
	}
	a := r.agent
	r.agent = nil
	return a.stop()
}

// next names the next version. It only grows.
func (r *rig) next() string {
	r.version++
	return fmt.Sprintf("bench-%d", r.version)
}

// save writes a file on the laptop's side of the share as a build does, in
// place and whole, and says when it was closed.
func (r *rig) save(path string, data []byte) (time.Time, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return time.Time{}, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return time.Time{}, err
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return time.Time{}, err
	}
	err = f.Close()
	return time.Now(), err
}

// versions makes the next version of each service's JAR, and says what the
// services answer when these are live.
func (r *rig) versions(services ...service) (saves []artefact, targets []target, err error) {
	for _, s := range services {
		version := r.next()
		jar, err := r.classes.jar(version)
		if err != nil {
			return nil, nil, err
		}
		saves = append(saves, artefact{filepath.Join(r.folder(s), "Service.jar"), jar})
		targets = append(targets, target{s.url(), version})
	}
	return saves, targets, nil
}

// saveNext saves the next version of each service's JAR, and says when the
// last was closed.
func (r *rig) saveNext(services ...service) (at time.Time, err error) {
	saves, _, err := r.versions(services...)
	if err != nil {
		return at, err
	}
	return r.saveAll(saves)
}

func (r *rig) saveAll(saves []artefact) (at time.Time, err error) {
	for _, a := range saves {
		if at, err = r.save(a.path, a.data); err != nil {
			break
		}
	}
	return at, err
}
