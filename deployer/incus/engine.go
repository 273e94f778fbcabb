package incus

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
	"github.com/jarloop/jarloop/deployer/logs"
	"github.com/jarloop/jarloop/deployer/shared"
)

// Options are what an Engine works with.
type Options struct {
	Client *api.Client
	// Owner begins the names of instances: lower case letters, digits and hyphens, a
	// letter first.
	Owner string
	// Logs is the agent's own folder for what instances print.
	Logs string
	// Program is the file of the static program that is run inside guests.
	Program string
	// Pool is the storage pool of instances.
	Pool string
	// Shared is the agent's own folder for what instances share.
	Shared string
	// Gateway is the default route of instances with an address of their own, and
	// Nameserver what they ask for names; the zero Addr leaves what their base says.
	Gateway, Nameserver netip.Addr
}

// Engine is the instances of one owner. It knows nothing in memory but what bases hold
// that it has looked at: the cluster is asked.
type Engine struct {
	Options
	program program
	bases   bases
	// acts are starts and removals under way, each once for all who ask for it.
	acts    singleflight.Group
	members *members
	shares  shares
	// stalled is the constant, and less in tests.
	stalled time.Duration
}

// shares is what is known of the volumes with shared files.
type shares struct {
	known sync.Map // members that have one
	fills singleflight.Group
}

// shared is where the agent has these files.
func (e *Engine) shared() shared.Folder { return shared.Folder(e.Options.Shared) }

// quick is how long a call may take that waits for nothing, copied one that copies, and
// stalled for how long nothing may be heard of one that brings files, which takes as long
// as their way needs.
const (
	stalled = 30 * time.Second
	quick   = 20 * time.Second
	copied  = 5 * time.Minute
)

var (
	ownerName    = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	instanceName = regexp.MustCompile(`^([a-z0-9][a-z0-9-]*)-(0|[1-9][0-9]*)$`)
)

// New gives the instances that the options speak of.
func New(o Options) (*Engine, error) {
	if !ownerName.MatchString(o.Owner) {
		return nil, fmt.Errorf("%q is no name of an owner: lower case letters, digits and hyphens, a letter first", o.Owner)
	}
	if o.Client == nil || o.Logs == "" || o.Shared == "" || o.Pool == "" {
		return nil, errors.New("an engine needs a client, folders for logs and for shared files, and a storage pool")
	}
	text, err := os.ReadFile(o.Program)
	if err != nil {
		return nil, fmt.Errorf("the program for guests: %w", err)
	}
	sum := sha256.Sum256(text)
	e := &Engine{Options: o, program: program{text, hex.EncodeToString(sum[:])}, stalled: stalled}
	e.bases.e, e.bases.cutOff = e, cutOff
	e.members = &members{in: o.Client, pool: o.Pool}
	return e, nil
}

// Close lets go of connections. Instances run on.
func (e *Engine) Close() error {
	e.Client.Close()
	return nil
}

// The keys of an instance's configuration.
const (
	keyOwner   = "user.jarloop.owner"
	keyRecord  = "user.jarloop.record"  // in base64, since values are text
	keyState   = "user.jarloop.state"   // making, whole or removing
	keyProgram = "user.jarloop.program" // its path inside
	keyAddress = "user.jarloop.address"
	keyBase    = "user.jarloop.base"   // of a base: the name that it is one of
	keyRecipe  = "user.jarloop.recipe" // the base by its recipe that it is one of, or was made of
	keyOf      = "user.jarloop.of"     // the base that it is made of
	keyProxy   = "user.jarloop.proxy"  // that it opens ports of its member, and is no service's
	keyMemory  = "limits.memory"

	making, whole, removing = "making", "whole", "removing"
)

// parseName splits an instance's name into service and number.
func parseName(name string) (service string, number int, ok bool) {
	m := instanceName.FindStringSubmatch(name)
	if m == nil {
		return "", 0, false
	}
	number, err := strconv.Atoi(m[2])
	return m[1], number, err == nil
}

// full is the name that Incus has for an instance.
func (e *Engine) full(name string) string { return e.Owner + "-" + name }

// head is the name of the volume that says where the data of a service are.
func (e *Engine) head(service string) string { return e.full(service) + "-data" }

// short is ours of what Incus has by a name.
func (e *Engine) short(full string) (name string, ok bool) {
	name, ok = strings.CutPrefix(full, e.Owner+"-")
	if ok {
		_, _, ok = parseName(name)
	}
	return name, ok
}

// kept is where is kept what an instance prints.
func (e *Engine) kept(name string) logs.Folder {
	service, number, _ := parseName(name)
	return logs.FolderOf(e.Logs, service, number)
}

func (e *Engine) ours(i api.Instance) bool {
	return i.Config[keyOwner] == e.Owner && i.Config[keyProxy] == ""
}

func half(i api.Instance) bool { return i.Config[keyState] != whole }

// errNone says that there is no such instance of ours.
var errNone = fmt.Errorf("there is none: %w", deployer.ErrStopped)

// find gives an instance of ours, with its ETag; errNone where there is none.
func (e *Engine) find(ctx context.Context, name string) (api.Instance, string, error) {
	if _, _, ok := parseName(name); !ok {
		return api.Instance{}, "", fmt.Errorf("%q is no name of a service with a number: %w", name, errNone)
	}
	i, etag, err := e.Client.Instance(ctx, e.full(name))
	if err == nil {
		e.members.saw(i)
	}
	if api.IsNotFound(err) || err == nil && !e.ours(i) {
		return i, "", fmt.Errorf("%s: %w", name, errNone)
	}
	return i, etag, err
}

// running gives an instance of ours that runs, on a member that the cluster hears from.
func (e *Engine) running(ctx context.Context, name string) (api.Instance, error) {
	i, _, err := e.find(ctx, name)
	switch {
	case err == nil && !i.Running():
		err = fmt.Errorf("%s: %w", name, deployer.ErrStopped)
	case err != nil && !errors.Is(err, errNone) && context.Cause(ctx) == nil:
		if away := e.away(ctx, name); away != nil {
			err = away
		}
	}
	return i, err
}

// on ends with ctx, and when the cluster does not hear from the member of an instance any
// more. The caller cancels it.
func (e *Engine) on(ctx context.Context, name string) (context.Context, context.CancelFunc) {
	return e.members.on(ctx, e.about(name), hangs)
}

// away gives an error where the cluster does not hear from the member of an instance.
func (e *Engine) away(ctx context.Context, name string) *awayError {
	return e.members.away(ctx, e.members.ask(ctx, heardEvery/2), e.about(name))
}

func (e *Engine) about(name string) about {
	service, _, _ := parseName(name)
	return about{name, e.full(name), e.head(service)}
}

// late is the cause of a deadline of ours.
func late(what string, most time.Duration) error {
	return fmt.Errorf("%s within %s: %w", what, most, deployer.ErrLate)
}

func encode(record []byte) string { return base64.StdEncoding.EncodeToString(record) }

func decode(record string) ([]byte, error) { return base64.StdEncoding.DecodeString(record) }
