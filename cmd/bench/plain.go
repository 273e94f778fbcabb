package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// plainScript makes a root of a base that stays as it is, and runs a command in it when
// it is told to: with nothing but exec between the word and the JVM.
const plainScript = `
mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$DIR/upper,workdir=$DIR/work" "$DIR/root"
mount -t proc proc "$DIR/root/proc"
mount --rbind /dev "$DIR/root/dev"
mount --rbind /sys "$DIR/root/sys"
printf '127.0.0.1 localhost %s\n' "$(hostname)" >"$DIR/root/etc/hosts"
mkdir -p "$DIR/root/log"
echo ready
read -r _
exec chroot "$DIR/root" /bin/sh -c "cd $TARGET && exec $EXEC"
`

// plain is a process that waits to become java -jar, on the VM and in a base's root, but
// in no container.
type plain struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out bytes.Buffer
	dir string
	// before is what it has worked to be ready.
	before time.Duration
}

// newPlain makes ready to run a command with files in target. The caller ends it.
func (r *rig) newPlain(ctx context.Context, base, target, command string, files map[string][]byte) (*plain, error) {
	dir, err := os.MkdirTemp(r.Dir, "plain-")
	if err != nil {
		return nil, err
	}
	p := &plain{dir: dir}
	for _, name := range []string{"work", "root", "upper" + target} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return nil, errors.Join(err, p.end())
		}
	}
	for name, data := range files {
		if _, err := r.save(filepath.Join(dir, "upper"+target, name), data); err != nil {
			return nil, errors.Join(err, p.end())
		}
	}
	if err := p.begin(r.VM(ctx, "unshare", "--mount", "sh", "-euc", plainScript), base, target, command); err != nil {
		ended := p.end() // first, since what it says is complete then
		return nil, errors.Join(fmt.Errorf("make a root of %s: %w: %s", base, err, p.out.Bytes()), ended)
	}
	return p, nil
}

func (p *plain) begin(cmd *exec.Cmd, base, target, command string) (err error) {
	cmd.Env = append(cmd.Env, "BASE="+base, "DIR="+p.dir, "TARGET="+target, "EXEC="+command)
	if p.in, err = cmd.StdinPipe(); err != nil {
		return err
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = &p.out
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd = cmd
	word := make([]byte, len("ready\n"))
	if _, err := io.ReadFull(said, word); err != nil || string(word) != "ready\n" {
		return errors.Join(fmt.Errorf("it says %q", word), err)
	}
	go func() { _, _ = io.Copy(io.Discard, said) }() // until Wait closes it
	p.before, err = spent(cmd.Process.Pid)
	return err
}

// worked is what the JVM has worked.
func (p *plain) worked() (time.Duration, error) {
	d, err := spent(p.cmd.Process.Pid)
	return d - p.before, err
}

// run has the JVM start, and gives the moment.
func (p *plain) run() (time.Time, error) {
	at := time.Now()
	_, err := io.WriteString(p.in, "go\n")
	return at, err
}

// end kills it and removes its files. The mounts go with its namespace.
func (p *plain) end() error {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // it was killed, on purpose
	}
	return os.RemoveAll(p.dir)
}
