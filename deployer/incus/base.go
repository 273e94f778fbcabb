package incus

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"

	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// program is the one that is run inside guests.
type program struct {
	text []byte
	sum  string
}

// file gives where it is put inside. Versions stand beside each other, since a base is
// shared, and what two agents put there at a time: neither takes the other's half.
func (p program) file() string {
	return "/usr/lib/jarloop/guest-" + p.sum[:12] + "-" + strings.ToLower(rand.Text()[:8])
}

func (p program) key() string { return keyProgram + "." + p.sum[:12] }

// bases is what is known of those that were looked at.
type bases struct {
	e     *Engine
	known sync.Map // prepared, by name and time of making
}

// prepared is what boots in a base's copies, and where the program is there.
type prepared struct {
	init    guest.Init
	program string
}

// Base is an instance that is one of a base, or could be: copies are made of it on its
// member.
type Base struct {
	Name, Instance, Member string
	Running                bool
}

// Bases gives all of them: every instance that no owner has.
func (e *Engine) Bases(ctx context.Context) ([]Base, error) {
	all, err := e.Client.Instances(ctx)
	if err != nil {
		return nil, err
	}
	var found []Base
	for _, i := range all {
		if i.Config[keyOwner] == "" && i.Status != "Error" {
			found = append(found, Base{cmp.Or(i.Config[keyBase], i.Name), i.Name, i.Location, i.Running()})
		}
	}
	return found, nil
}

// prepare puts the program into a base, once, and says which init boots there.
func (b *bases) prepare(ctx context.Context, base api.Instance) (prepared, error) {
	key := base.Name + " " + base.Created.String()
	if p, known := b.known.Load(key); known {
		return p.(prepared), nil
	}
	found, err, _ := b.e.acts.Do("prepare "+key, func() (any, error) {
		init, err := b.init(ctx, base.Name)
		p := prepared{init, base.Config[b.e.program.key()]}
		if err == nil && p.program == "" {
			p.program, err = b.e.pushProgram(ctx, base.Name)
		}
		if err == nil {
			b.known.Store(key, p)
		}
		return p, err
	})
	if err != nil {
		return prepared{}, fmt.Errorf("base %s: %w", base.Name, err)
	}
	return found.(prepared), nil
}

// pushProgram puts the program into a stopped instance, and reads it again: only then
// it is noted.
func (e *Engine) pushProgram(ctx context.Context, full string) (file string, err error) {
	file = e.program.file()
	if err := e.makeFolders(ctx, full, path.Dir(file)); err != nil {
		return "", err
	}
	if err := e.Client.PutFile(ctx, full, file, api.File{Kind: "file", Mode: 0o755}, bytes.NewReader(e.program.text)); err != nil {
		return "", err
	}
	content, _, err := e.Client.GetFile(ctx, full, file)
	if err != nil {
		return "", err
	}
	defer content.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, content); err != nil {
		return "", err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != e.program.sum {
		return "", fmt.Errorf("%s has come with the SHA-256 %s, not %s", file, got, e.program.sum)
	}
	return file, e.Client.SetConfig(ctx, full, "", map[string]string{e.program.key(): file})
}

// makeFolders makes a folder with those above it.
func (e *Engine) makeFolders(ctx context.Context, full, folder string) error {
	if folder == "/" {
		return nil
	}
	content, _, err := e.Client.GetFile(ctx, full, folder)
	if err == nil {
		return content.Close()
	}
	if !api.IsNotFound(err) {
		return err
	}
	if err := e.makeFolders(ctx, full, path.Dir(folder)); err != nil {
		return err
	}
	err = e.Client.PutFile(ctx, full, folder, api.File{Kind: "directory", Mode: 0o755}, nil)
	if err != nil { // another agent may have made it just now
		if content, _, failed := e.Client.GetFile(ctx, full, folder); failed == nil {
			return content.Close()
		}
	}
	return err
}

// init says which program the process 1 of a base's copies is (guest.DetectInit).
func (b *bases) init(ctx context.Context, full string) (guest.Init, error) {
	kind, init, err := b.read(ctx, full, "/sbin/init")
	if err != nil {
		return "", err
	}
	switch target := string(init); {
	case kind == "symlink" && strings.HasSuffix(target, "/systemd"):
		return guest.Systemd, nil
	case kind == "symlink" && strings.HasSuffix(target, "busybox"):
		return guest.Busybox, nil
	}
	for _, name := range []string{"/bin/busybox", "/usr/bin/busybox"} {
		if _, busybox, err := b.read(ctx, full, name); err == nil && bytes.Equal(init, busybox) {
			return guest.Busybox, nil
		}
	}
	_, _, control := b.read(ctx, full, "/sbin/initctl")
	_, _, jobs := b.read(ctx, full, "/etc/init")
	if control == nil && jobs == nil {
		return guest.Upstart, nil
	}
	return "", errors.New("/sbin/init is neither systemd nor busybox, and /sbin/initctl with /etc/init (upstart) is not there")
}

func (b *bases) read(ctx context.Context, full, file string) (kind string, text []byte, err error) {
	content, f, err := b.e.Client.GetFile(ctx, full, file)
	if err != nil {
		return "", nil, err
	}
	defer content.Close()
	text, err = io.ReadAll(io.LimitReader(content, 16<<20))
	return f.Kind, text, err
}
