package incus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/data"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// store is the data of one service, locked.
type store struct {
	record
	e       *Engine
	service string
	head    api.Volume // without a name where there are no data
	member  string     // where volumes are made
	last    int        // number of a volume
	starts  string     // an instance that is to have them, by its full name
	lock    *flock.Flock
}

// openStore locks the data of a service: against this agent, or a verb beside it. The
// caller closes it.
func (e *Engine) openStore(ctx context.Context, service string) (*store, error) {
	if _, _, ok := parseName(service + "-1"); !ok {
		return nil, fmt.Errorf("%q is no name of a service", service)
	}
	file := filepath.Join(e.Logs, ".data", service)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	s := &store{e: e, service: service, lock: flock.New(file)}
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	err := s.read(ctx)
	if err == nil && s.empty() { // a removal was cut off: the next data may be elsewhere
		err = e.Client.DeleteVolume(ctx, e.Pool, s.head)
		s.head, s.member = api.Volume{}, ""
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// empty says of a head that there are no data any more.
func (s *store) empty() bool { return s.head.Name != "" && len(s.live) == 0 && len(s.saved) == 0 }

func (s *store) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, quick, late("not locked", quick))
	defer cancel()
	if _, err := s.lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return fmt.Errorf("somebody else is at the data: %w", err)
	}
	return nil
}

func (s *store) close() { _ = s.lock.Close() }

func (s *store) headName() string { return s.e.head(s.service) }

// ours says whether a volume is of this service.
func (s *store) ours(v api.Volume) bool {
	return v.Config[keyOwner] == s.e.Owner && v.Config[keyService] == s.service
}

// read reads the head.
func (s *store) read(ctx context.Context) error {
	all, err := s.e.Client.Volumes(ctx, s.e.Pool)
	if err != nil {
		return err
	}
	s.record = record{}.clone()
	for _, v := range all {
		if number, found := strings.CutPrefix(v.Name, s.headName()+"-"); found {
			n, _ := strconv.Atoi(number) // 0 of another's
			s.last = max(s.last, n)
		}
		if v.Name == s.headName() && s.ours(v) {
			s.head, s.member = v, v.Location
			if s.record, err = parseRecord(v.Config); err != nil {
				return fmt.Errorf("the volume %s: %w", v.Name, err)
			}
		}
	}
	if s.head.Name == "" {
		return nil
	}
	return s.e.answers(ctx, s.service, s.head)
}

// memberOfData gives where the data of a service are; "" where there are none.
func (e *Engine) memberOfData(ctx context.Context, service string) (string, error) {
	s := &store{e: e, service: service} // not locked: it is only looked at
	if err := s.read(ctx); err != nil {
		return "", err
	}
	if s.empty() {
		return "", nil
	}
	return s.member, nil
}

// answers is an error where the member with the data of a service does not answer: it
// is asked, since the cluster takes a time to notice.
func (e *Engine) answers(ctx context.Context, service string, head api.Volume) error {
	_, err := e.Client.Volume(ctx, e.Pool, head)
	if err == nil || context.Cause(ctx) != nil {
		return err
	}
	return fmt.Errorf("the data of %s are on the member %s, which does not answer, and on no other: bring it back, or give it up with "+
		"incus cluster remove --force %[2]s, and begin anew or with jarloop data import: %w", service, head.Location, err)
}

// newVolume gives a name on the member of the data to one that is not there yet.
func (s *store) newVolume() api.Volume {
	s.last++
	return api.Volume{Name: fmt.Sprintf("%s-%d", s.headName(), s.last), Location: s.member, Config: s.config()}
}

// config is that of all volumes. Owners in them are those of guests, whichever IDs these
// have on the member.
func (s *store) config() map[string]string {
	return map[string]string{keyOwner: s.e.Owner, keyService: s.service, "security.shifted": "true"}
}

// write replaces what the head says, as one act.
func (s *store) write(ctx context.Context, next record) error {
	config := next.config()
	if s.head.Name == "" {
		maps.Copy(config, s.config())
		head := api.Volume{Name: s.headName(), Location: s.member, Config: config}
		if err := s.e.Client.CreateVolume(ctx, s.e.Pool, head); err != nil {
			return err
		}
		s.head = head
	} else if err := s.e.Client.SetVolumeConfig(ctx, s.e.Pool, s.head, config); err != nil {
		return err
	}
	s.record = next.clone()
	return nil
}

// drop removes the copy.
func (s *store) drop(ctx context.Context) error {
	if len(s.saved) == 0 {
		return nil
	}
	next := s.clone()
	next.saved = nil
	return s.write(ctx, next)
}

// settle has the instances of the service have its data, and removes what nobody needs.
// What cannot be removed now is in somebody's hand, and goes with another act.
func (s *store) settle(ctx context.Context) error {
	instances, err := s.e.instancesOf(ctx, s.service)
	if err != nil {
		return err
	}
	for _, i := range instances {
		devices := s.devices(i)
		if len(devices) == 0 {
			continue
		}
		err := s.e.Client.SetDevices(ctx, i.Name, devices)
		if err != nil && !api.IsNotFound(err) && (i.Running() || i.Name == s.starts) { // others have them from their start on
			return fmt.Errorf("give them to %s: %w", strings.TrimPrefix(i.Name, s.e.Owner+"-"), err)
		}
	}
	_ = s.sweep(ctx) // as said
	return context.Cause(ctx)
}

// devices are those of an instance that are to be others.
func (s *store) devices(i api.Instance) api.Devices {
	changed := api.Devices{}
	for n, m := range mountsOf(i) {
		name := "data-" + strconv.Itoa(n)
		want := map[string]string{"type": "none"}
		if volume := s.live[m.Folder]; volume != "" {
			want = map[string]string{
				"type": "disk", "pool": s.e.Pool, "source": volume + "/" + data.Name(m.Folder), "path": m.At,
			}
		}
		has := i.Devices[name]
		if has == nil && want["type"] == "none" {
			continue
		}
		if !maps.Equal(has, want) {
			changed[name] = want
		}
	}
	return changed
}

// sweep removes the volumes of the service that its head does not name.
func (s *store) sweep(ctx context.Context) error {
	all, err := s.e.Client.Volumes(ctx, s.e.Pool)
	if err != nil {
		return err
	}
	for _, v := range all {
		if s.ours(v) && v.Name != s.headName() && !s.names(v.Name) {
			err = errors.Join(err, s.e.Client.DeleteVolume(ctx, s.e.Pool, v))
		}
	}
	return err
}

var _ deployer.DataKeeper = (*Engine)(nil)
