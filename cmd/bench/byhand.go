package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// recipe is what people typed before there was a program for it.
//
//go:embed byhand.sh
var recipe string

// byHand redeploys a service by the recipe and measures that. The container
// stays, for the next one to stop and destroy.
func (r *rig) byHand(ctx context.Context, s service) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	base, err := r.baseOf("service-base")
	if err != nil {
		return 0, err
	}
	java, err := r.java()
	if err != nil {
		return 0, err
	}
	saves, targets, err := r.versions(s)
	if err != nil {
		return 0, err
	}
	cmd := r.VM(ctx, "/bin/sh", "-eu")
	cmd.Stdin = strings.NewReader(recipe)
	cmd.Env = append(os.Environ(), "LXC="+r.LXC, "BASE="+base, "NAME="+"hand-"+s.name, "SERVICE="+s.name,
		"SOURCE="+filepath.Join(r.Host, "hand-"+s.name), "EXEC="+s.exec(java), "PORT="+strconv.Itoa(s.port))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	saved, answered, err := r.timed(ctx, targets, func() (time.Time, error) {
		at, err := r.save(filepath.Join(r.Share, "hand-"+s.name, "Service.jar"), saves[0].data)
		if err != nil {
			return at, err
		}
		return at, cmd.Run()
	})
	if err != nil {
		return 0, fmt.Errorf("the recipe by hand: %w: %s", err, out.Bytes())
	}
	// The rule would catch what is meant for the generations of an agent.
	if out, err := r.VM(ctx, "iptables", "-t", "nat", "-F", "PREROUTING").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("remove the rule: %w: %s", err, out)
	}
	return answered.Sub(saved), nil
}

// baseOf finds the container of a base.
func (r *rig) baseOf(name string) (string, error) {
	found, err := filepath.Glob(filepath.Join(r.LXC, name+"*", "jarloop-base.json"))
	if err != nil || len(found) == 0 {
		return "", errors.Join(fmt.Errorf("there is no base %s below %s", name, r.LXC), err)
	}
	return filepath.Base(filepath.Dir(found[len(found)-1])), nil
}

// serveDHCP does what LXC does for its bridge (lxc-net): packets are forwarded,
// and a DHCP server runs with these options. The caller calls what it gives to
// end that.
func (r *rig) serveDHCP(ctx context.Context) (stop func(), err error) {
	if out, err := r.VM(ctx, "sysctl", "-qw", "net.ipv4.ip_forward=1").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("forward packets: %w: %s", err, out)
	}
	cmd := r.VM(context.Background(), "dnsmasq", "--conf-file=", "--keep-in-foreground", "--user=root",
		"--bind-interfaces", "--pid-file=", "--strict-order", "--no-resolv", "--no-hosts",
		"--listen-address=10.0.3.1", "--dhcp-range=10.0.3.2,10.0.3.126", "--dhcp-lease-max=125",
		"--dhcp-no-override", "--except-interface=lo", "--interface=lxcbr0", "--dhcp-authoritative",
		"--dhcp-leasefile="+filepath.Join(r.Dir, "leases"))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed, on purpose
	}, nil
}
