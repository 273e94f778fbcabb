package incus

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/deployer/incus/api"
)

const (
	// mostAsked is how many members are asked whether they have room, however many there
	// are.
	mostAsked = 3
	// leastPool and leastMemory are what has to be free for another instance, in bytes.
	leastPool, leastMemory = 256 << 20, 128 << 20
)

// place is where an instance could go: the base on a member, without a name where it has
// to be made there first.
type place struct {
	api.Instance
	newest bool // the newest instance of its service is there
	load   int  // instances on its member, whoever has them
	turn   uint64
}

// find chooses the base for an instance of a service: there is one of a name on each
// member, since a copy to another one goes over the network, or it is made there now. That
// on the member of the service's newest instance is chosen, else the one whose member has
// the fewest; and the next where there is no room. Where a member is given, no other one is
// chosen.
func (b *bases) find(ctx context.Context, name, service, member string) (api.Instance, error) {
	all, err := b.e.members.instances(ctx)
	if err != nil {
		return api.Instance{}, err
	}
	members, err := b.makable(ctx, all, name)
	if err != nil {
		return api.Instance{}, err
	}
	places := b.e.places(all, name, service, members)
	if member != "" {
		places = slices.DeleteFunc(places, func(p place) bool { return p.Location != member })
	}
	switch {
	case len(places) == 0 && member != "":
		return api.Instance{}, fmt.Errorf("there is no base %s on the member %s, which has the data of %s: "+basesAreMade, name, member, service)
	case len(places) == 0:
		return api.Instance{}, fmt.Errorf("there is no base %s on any member that answers: "+basesAreMade, name)
	}
	var why []string
	for _, p := range places[:min(len(places), mostAsked)] {
		base := p.Instance
		looking, cancel := b.e.members.on(ctx, about{name: p.Name, full: p.Name}, hangs)
		lacks, err := b.e.lacks(looking, p.Location)
		cancel()
		if err == nil && lacks == "" && base.Name == "" {
			base, err = b.make(ctx, name, p.Location)
		}
		if err == nil && lacks == "" {
			return base, nil
		}
		if cause := context.Cause(ctx); cause != nil {
			return api.Instance{}, cause
		}
		if err != nil {
			lacks = err.Error()
		}
		why = append(why, p.Location+": "+lacks)
	}
	return api.Instance{}, fmt.Errorf("none of the members that are the first choice can have it: %s", strings.Join(why, "; "))
}

const basesAreMade = "jarloop provision builds one that has a recipe, and docs/cluster.md says how others are made"

// places are those with a base, and the members where it can be made, the first choice
// first.
func (e *Engine) places(all []api.Instance, base, service string, members []string) (found []place) {
	load, newest, last := map[string]int{}, 0, ""
	for _, i := range all {
		built, proxy := i.Config[keyOwner] == "" && i.Config[keyRecipe] != "", i.Config[keyProxy] != ""
		if !built && !proxy { // those are there as they are needed
			load[i.Location]++
		}
		if i.Name == base || i.Config[keyBase] == base {
			if isBase(i) {
				found = append(found, place{Instance: i})
			}
			continue
		}
		short, ok := e.short(i.Name)
		if !ok || !e.ours(i) {
			continue
		}
		if s, n, _ := parseName(short); s == service && n >= newest {
			newest, last = n, i.Location
		}
	}
	for _, member := range members {
		if !slices.ContainsFunc(found, func(p place) bool { return p.Location == member }) {
			found = append(found, place{Instance: api.Instance{Location: member}})
		}
	}
	for n, p := range found {
		found[n].newest, found[n].load, found[n].turn = p.Location == last, load[p.Location], e.turn(p.Location)
	}
	slices.SortFunc(found, func(x, y place) int {
		if x.newest != y.newest {
			return map[bool]int{true: -1, false: 1}[x.newest]
		}
		return cmp.Or(cmp.Compare(x.load, y.load), cmp.Compare(x.turn, y.turn))
	})
	return found
}

// turn orders members in another way for each owner: those who see nothing of each other
// would all begin on the same one.
func (e *Engine) turn(member string) uint64 {
	sum := sha256.Sum256([]byte(e.Owner + " " + member))
	return binary.BigEndian.Uint64(sum[:])
}

// lacks says what a member has too little of for another instance, "" if it has room.
// What this agent's certificate may not look at is not compared.
func (e *Engine) lacks(ctx context.Context, member string) (string, error) {
	pool, err := e.Client.PoolResources(ctx, e.Pool, member)
	if err != nil && !api.IsForbidden(err) {
		return "", err
	}
	if err == nil && pool.Space.Free() < leastPool {
		return fmt.Sprintf("%d MiB free in the pool %s", pool.Space.Free()>>20, e.Pool), nil
	}
	memory, err := e.Client.Memory(ctx, member)
	if err != nil && !api.IsForbidden(err) {
		return "", err
	}
	if err == nil && memory.Free() < leastMemory {
		return fmt.Sprintf("%d MiB of memory free", memory.Free()>>20), nil
	}
	return "", nil
}
