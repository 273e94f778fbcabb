package incus

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/jarloop/jarloop/deployer/incus/api"
)

// The data of a service are on volumes of one member:
//
//	OWNER-SERVICE-data      its head: empty, and its configuration says which volumes hold
//	                        which folders of the data, and which of their copy
//	OWNER-SERVICE-data-N    folders, by the names that package data gives them
//
// A change of the head is one act of the cluster's database. Volumes that it does not
// name are what was cut off, or is not needed any more, and go with the next act.
const (
	keyService = "user.jarloop.service"
	keyLive    = "user.jarloop.live"  // of a head: volumes by folder, JSON
	keySaved   = "user.jarloop.saved" // the same of the copy
	keyBytes   = "user.jarloop.bytes" // what folders took when that was last looked at
	keyMounts  = "user.jarloop.data"  // of an instance: []mount, JSON
)

// record is what a head says.
type record struct {
	live, saved map[string]string // volumes by folder
	bytes       map[string]int64
}

func parseRecord(config map[string]string) (r record, err error) {
	for key, to := range map[string]any{keyLive: &r.live, keySaved: &r.saved, keyBytes: &r.bytes} {
		if text := config[key]; text != "" {
			if e := json.Unmarshal([]byte(text), to); e != nil {
				err = errors.Join(err, fmt.Errorf("key %s: %w", key, e))
			}
		}
	}
	return r.clone(), err
}

// clone gives one whose maps can be written to.
func (r record) clone() record {
	c := record{map[string]string{}, map[string]string{}, map[string]int64{}}
	maps.Copy(c.live, r.live)
	maps.Copy(c.saved, r.saved)
	maps.Copy(c.bytes, r.bytes)
	return c
}

func (r record) config() map[string]string {
	r = r.clone()
	return map[string]string{keyLive: text(r.live), keySaved: text(r.saved), keyBytes: text(r.bytes)}
}

func (r record) names(volume string) bool {
	for _, of := range []map[string]string{r.live, r.saved} {
		for _, v := range of {
			if v == volume {
				return true
			}
		}
	}
	return false
}

// text is JSON of what always can be written so.
func text(value any) string {
	t, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(t)
}

// mount is a folder of data, and where it leads in an instance.
type mount struct{ Folder, At string }

func mountsOf(i api.Instance) (all []mount) {
	_ = json.Unmarshal([]byte(i.Config[keyMounts]), &all) // none of ours has another text
	return all
}
