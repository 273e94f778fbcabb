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
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"

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

// cutOff is how long nothing is done with a base that is half made until it is taken to be
// so for ever: whoever makes it has only to note that it is whole.
const cutOff = 10 * time.Second

// bases is what is known of those that were looked at.
type bases struct {
	e     *Engine
	known sync.Map // prepared, by name and time of making

	cutOff time.Duration // a const but for tests
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
	all, err := e.members.instances(ctx)
	if err != nil {
		return nil, err
	}
	var found []Base
	for _, i := range all {
		if isBase(i) {
			found = append(found, Base{cmp.Or(i.Config[keyBase], i.Name), i.Name, i.Location, i.Running()})
		}
	}
	return found, nil
}

// isBase says whether copies can be made of an instance.
func isBase(i api.Instance) bool {
	by := i.Config[keyState] // of one made by hand there is none
	return i.Config[keyOwner] == "" && i.Status != "Error" && (by == "" || by == whole)
}

// prepare puts the program into a base, once, and says which init boots there.
func (b *bases) prepare(ctx context.Context, base api.Instance) (prepared, error) {
	key := base.Name + " " + base.Created.String()
	if p, known := b.known.Load(key); known {
		return p.(prepared), nil
	}
	found, err, _ := b.e.acts.Do("prepare "+key, func() (any, error) {
		files, err := b.e.Client.Files(ctx, base.Name)
		if err != nil {
			return prepared{}, err
		}
		defer files.Close()
		init, err := initOf(files)
		p := prepared{init, base.Config[b.e.program.key()]}
		if err == nil && p.program == "" {
			p.program, err = b.e.pushProgram(ctx, files, base.Name)
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
func (e *Engine) pushProgram(ctx context.Context, files *api.Files, full string) (file string, err error) {
	file = e.program.file()
	if err := files.MakeFolder(path.Dir(file)); err != nil {
		return "", err
	}
	if err := files.Put(file, 0o755, bytes.NewReader(e.program.text)); err != nil {
		return "", err
	}
	content, err := files.Open(file, 0)
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

// initOf says which program the process 1 of a base's copies is (guest.DetectInit).
func initOf(files *api.Files) (guest.Init, error) {
	init, err := files.Look("/sbin/init")
	if err != nil {
		return "", fmt.Errorf("/sbin/init: %w", err)
	}
	if init.Mode.Type() == fs.ModeSymlink {
		switch target, err := files.Link("/sbin/init"); {
		case err != nil:
			return "", err
		case path.Base(target) == "systemd":
			return guest.Systemd, nil
		case path.Base(target) == "busybox":
			return guest.Busybox, nil
		}
	}
	for _, name := range []string{"/bin/busybox", "/usr/bin/busybox"} {
		if busybox, err := files.Look(name); err == nil && init.Mode.IsRegular() && busybox.Mode.IsRegular() && busybox.Size == init.Size {
			return guest.Busybox, nil
		}
	}
	_, control := files.Look("/sbin/initctl")
	_, jobs := files.Look("/etc/init")
	if control == nil && jobs == nil {
		return guest.Upstart, nil
	}
	return "", errors.New("/sbin/init is neither systemd nor busybox, and /sbin/initctl with /etc/init (upstart) is not there")
}
