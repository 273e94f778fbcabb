package incus

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/crash"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// pause is between two looks at what another agent makes.
const pause = 250 * time.Millisecond

// makable are the members on which a base that was built by a recipe can be made: those
// that answer.
func (b *bases) makable(ctx context.Context, all []api.Instance, name string) (members []string, err error) {
	byHand, made := false, false
	for _, i := range all {
		byHand = byHand || isBase(i) && i.Config[keyRecipe] == "" && (i.Name == name || i.Config[keyBase] == name)
		made = made || i.Config[keyOwner] == "" && i.Config[keyRecipe] == name
	}
	if !made && !byHand {
		if made, err = b.e.Client.HasImage(ctx, name); err != nil {
			return nil, err
		}
	}
	if !made {
		return nil, nil
	}
	known, err := b.e.Client.Members(ctx)
	for _, m := range known {
		if m.Status == api.Online {
			members = append(members, m.Name)
		}
	}
	return members, err
}

// make makes a base that was built by a recipe on a member, once for all who need it there.
func (b *bases) make(ctx context.Context, name, member string) (api.Instance, error) {
	full := onMember(name, member)
	b.e.members.saw(api.Instance{Name: full, Location: member})
	ctx, cancel := b.e.members.on(ctx, about{name: full, full: full}, heardEvery)
	defer cancel()
	for {
		made, err, _ := b.e.acts.Do("make "+full, func() (any, error) { return b.makeOnce(ctx, name, full, member) })
		if err != nil {
			return api.Instance{}, fmt.Errorf("make base %s: %w", name, err)
		}
		if i := made.(api.Instance); i.Name != "" {
			return i, nil
		}
		if err := deployer.Pause(ctx, pause); err != nil {
			return api.Instance{}, err
		}
	}
}

// makeOnce gives nothing where it has to be tried again.
func (b *bases) makeOnce(ctx context.Context, name, full, member string) (i api.Instance, err error) {
	defer crash.Point("make base")()
	mine := making + " " + rand.Text()
	err = b.e.Client.CreateInstance(ctx, full, name, member, map[string]string{
		keyState: mine, keyBase: name, keyRecipe: name, "boot.autostart": "false",
	})
	if api.IsTaken(err) {
		return b.others(ctx, full)
	}
	if err != nil {
		return i, err
	}
	i, etag, err := b.e.Client.Instance(ctx, full)
	if err == nil && i.Config[keyState] == mine {
		err = b.e.Client.SetConfig(ctx, full, etag, map[string]string{keyState: whole})
	}
	switch {
	case api.IsNotFound(err), errors.Is(err, api.ErrChanged), err == nil && i.Config[keyState] != mine:
		return api.Instance{}, nil // somebody took it for cut off
	case err == nil:
		i.Config[keyState] = whole
	}
	return i, err
}

// others waits for a base that another agent makes, and removes it where that one was
// killed.
func (b *bases) others(ctx context.Context, full string) (api.Instance, error) {
	state, since := "", time.Now()
	for {
		i, _, err := b.e.Client.Instance(ctx, full)
		if api.IsNotFound(err) {
			return api.Instance{}, nil
		}
		if err != nil || isBase(i) && i.Config[keyState] == whole {
			return i, err
		}
		if i.Config[keyRecipe] == "" || i.Config[keyOwner] != "" {
			return i, fmt.Errorf("%s is there, and is none: remove it, or call it otherwise", full)
		}
		busy, err := b.e.Client.Busy(ctx, full)
		if err != nil {
			return i, err
		}
		if busy || state != i.Config[keyState] {
			state, since = i.Config[keyState], time.Now()
		}
		if time.Since(since) > b.cutOff {
			err := b.e.Client.DeleteInstance(ctx, full)
			if err == nil || api.IsNotFound(err) {
				return api.Instance{}, nil
			}
			return i, err
		}
		if err := deployer.Pause(ctx, pause); err != nil {
			return i, err
		}
	}
}

var hostName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// onMember is the name of the instance that is a base on a member: that of both, unless
// it could not be one.
func onMember(base, member string) string {
	if full := base + "-" + member; hostName.MatchString(full) {
		return full
	}
	sum := sha256.Sum256([]byte(base + " " + member))
	return "jarloop-base-" + hex.EncodeToString(sum[:8])
}

// ByHand says whether a base is there that was made by hand.
func ByHand(all []Base, name string) bool {
	return slices.ContainsFunc(all, func(b Base) bool { return b.Name == name })
}
