package config

import (
	"path/filepath"
	"reflect"
	"slices"
)

// Live gives the configuration as an agent that runs with another one can take it
// up, and the keys whose new values it cannot: for those everything stays as it
// runs until it is started anew.
func (c *Config) Live(running *Config) (live *Config, restart []string) {
	copied := *c
	live = &copied
	live.Services = slices.Clone(c.Services)
	for i := range live.Services {
		// Sources lie in the folder that is shared, and that one stays.
		if below, err := filepath.Rel(c.Watch.Dir, live.Services[i].Source); err == nil {
			live.Services[i].Source = filepath.Join(running.Watch.Dir, below)
		}
	}
	if c.Watch.Dir != running.Watch.Dir { // so do files of settings
		live.EnvFile = running.EnvFile
		for i, s := range live.Services {
			if was := running.Service(s.Name); was != nil {
				live.Services[i].EnvFile, live.Services[i].Environment, live.Services[i].Unready = was.EnvFile, was.Environment, was.Unready
			}
		}
	}
	return live, keep("", live.keys(), running.keys())
}

// keep sets the keys that wait for a restart to what they were, and gives the names of
// those that were to change.
func keep(within string, now, was []key) (changed []string) {
	for i, k := range now {
		if below, ok := k.to.(table); ok {
			changed = append(changed, keep(within+k.name+".", below.keys(), was[i].to.(table).keys())...)
		}
		if k.change != restart {
			continue
		}
		n, w := reflect.ValueOf(k.to).Elem(), reflect.ValueOf(was[i].to).Elem()
		if !reflect.DeepEqual(n.Interface(), w.Interface()) {
			changed = append(changed, within+k.name)
			n.Set(w)
		}
	}
	return changed
}
