package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// shell is a shell inside a running container, attached ahead of time.
type shell struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// attach starts a shell in the container. The caller closes it.
func (r *rig) attach(ctx context.Context, container string) (*shell, error) {
	s := &shell{cmd: r.VM(ctx, "lxc-attach", "-P", r.LXC, "-n", container, "--", "/bin/sh")}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewReader(out)
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("attach to %s: %w", container, err)
	}
	if err := s.say("echo ready"); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if said, err := s.out.ReadString('\n'); err != nil || said != "ready\n" {
		return nil, errors.Join(fmt.Errorf("the shell in %s says %q", container, said), err, s.close())
	}
	return s, nil
}

func (s *shell) say(command string) error {
	_, err := io.WriteString(s.in, command+"\n")
	return err
}

// close ends the shell when it has done all that it was told.
func (s *shell) close() error {
	s.in.Close()
	return s.cmd.Wait()
}

// insideOf is the running container's root, as the host sees it.
func (r *rig) insideOf(ctx context.Context, container string) (string, error) {
	out, err := r.VM(ctx, "lxc-info", "-P", r.LXC, "-n", container, "-pH").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("process of %s: %w: %s", container, err, out)
	}
	return filepath.Join("/proc", strings.TrimSpace(string(out)), "root"), nil
}

// spot is a running container in which a new JAR can be put in place.
type spot struct {
	jar   string // as the host sees it
	shell *shell
}

// spot makes ready for a new JAR in a running container, with the shell
// attached already. The caller closes the shell.
func (r *rig) spot(ctx context.Context, s service, container string) (*spot, error) {
	root, err := r.insideOf(ctx, container)
	if err != nil {
		return nil, err
	}
	sh, err := r.attach(ctx, container)
	if err != nil {
		return nil, err
	}
	return &spot{jar: filepath.Join(root, s.name, "Service.jar"), shell: sh}, nil
}

// replace puts a JAR in place of the one that runs, which a JVM must not see
// overwritten.
func (p *spot) replace(jar []byte) (time.Time, error) {
	if err := os.WriteFile(p.jar+".new", jar, 0o644); err != nil {
		return time.Time{}, err
	}
	err := os.Rename(p.jar+".new", p.jar)
	return time.Now(), err
}

const restart = "systemctl restart jarloop.service"

// floor measures what cannot be undercut: new JARs are there already, and only
// the services are started anew, all at once, in their live containers. No
// agent runs meanwhile: it would take the restart for a death.
func (r *rig) floor(ctx context.Context, live map[string]string, services ...service) (took time.Duration, err error) {
	saves, targets, err := r.versions(services...)
	if err != nil {
		return 0, err
	}
	var spots []*spot
	defer func() {
		for _, p := range spots {
			err = errors.Join(err, p.shell.close())
		}
	}()
	for _, s := range services {
		p, err := r.spot(ctx, s, live[s.name])
		if err != nil {
			return 0, err
		}
		spots = append(spots, p)
	}
	saved, answered, err := r.timed(ctx, targets, func() (at time.Time, err error) {
		for i, p := range spots {
			if at, err = p.replace(saves[i].data); err != nil {
				return at, err
			}
		}
		for _, p := range spots {
			if err := p.shell.say(restart); err != nil {
				return at, err
			}
		}
		return at, nil
	})
	return answered.Sub(saved), err
}
