package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Configuration gives the shipped configuration of a checkout, with the lab's
// folders in place of a machine's.
func (l *Lab) Configuration(checkout string) (string, error) {
	shipped, err := os.ReadFile(filepath.Join(checkout, "config.toml"))
	if err != nil {
		return "", err
	}
	text := string(shipped)
	for old, now := range map[string]string{
		`"/var/lib/jarloop"`: strconv.Quote(filepath.Join(l.Dir, "state")),
		`"/run/jarloop"`:     strconv.Quote(filepath.Join(l.Dir, "run")),
		`"/host"`:            strconv.Quote(l.Host),
		`"/var/lib/lxc"`:     strconv.Quote(l.LXC),
		`interface = "auto"`: `interface = "eth0"`, // the lab has no default route
	} {
		if n := strings.Count(text, old); n != 1 {
			return "", fmt.Errorf("config.toml has %s %d times, not once", old, n)
		}
		text = strings.Replace(text, old, now, 1)
	}
	return text, nil
}

// Example copies the source of a checkout's sample system, to be edited.
func (l *Lab) Example(ctx context.Context, checkout string) (folder string, err error) {
	folder = filepath.Join(l.Dir, "example")
	if out, err := exec.CommandContext(ctx, "cp", "-a", filepath.Join(checkout, "example"), folder).CombinedOutput(); err != nil {
		return "", fmt.Errorf("copy the example: %w: %s", err, out)
	}
	return folder, nil
}

// Gradle runs a task of a copy of the example on the laptop. What it builds goes
// to the share.
func (l *Lab) Gradle(ctx context.Context, example, task string) error {
	return l.GradleTo(ctx, l.Share, example, task)
}

// GradleTo is Gradle with another folder in place of the share.
func (l *Lab) GradleTo(ctx context.Context, folder, example, task string) error {
	cmd := exec.CommandContext(ctx, "gradle", "--offline", "--no-daemon", "-q", "-Pshare="+folder, task)
	cmd.Dir = example
	// Settings and scripts that a person has for all builds do not count here.
	cmd.Env = append(environment(), "GRADLE_USER_HOME="+filepath.Join(cache, "gradle"),
		"GRADLE_OPTS=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC") // half the time, for a JVM that lives for seconds
	if home := os.Getenv("JAVA_HOME"); home != "" {
		cmd.Env = append(cmd.Env, "JAVA_HOME="+home)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("gradle %s: %w: %s", task, err, out)
	}
	return nil
}
