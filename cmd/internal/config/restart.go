package config

import (
	"path/filepath"
	"reflect"
	"strings"
)

// Live gives the configuration as an agent that runs with another one can take it
// up, and the keys whose new values it cannot: for those everything stays as it
// runs until it is started anew.
func (c *Config) Live(running *Config) (live *Config, restart []string) {
	copied := *c
	live = &copied
	live.Services = append([]Service(nil), c.Services...)
	for i := range live.Services {
		// Sources lie in the folder that is shared, and that one stays.
		if below, err := filepath.Rel(c.Watch.Dir, live.Services[i].Source); err == nil {
			live.Services[i].Source = filepath.Join(running.Watch.Dir, below)
		}
	}
	keep := func(key string, now, was any) {
		n, w := reflect.ValueOf(now).Elem(), reflect.ValueOf(was).Elem()
		if !reflect.DeepEqual(n.Interface(), w.Interface()) {
			restart = append(restart, differing(key, n, w)...)
			n.Set(w)
		}
	}
	keep("state", &live.State, &running.State)
	keep("run", &live.Run, &running.Run)
	keep("watch", &live.Watch, &running.Watch)
	keep("lxc", &live.LXC, &running.LXC)
	keep("logs", &live.Logs, &running.Logs)
	return live, restart
}

// differing gives the keys below key whose values are not the same.
func differing(key string, a, b reflect.Value) []string {
	if a.Kind() != reflect.Struct {
		return []string{key}
	}
	var keys []string
	for i := range a.NumField() {
		name := a.Type().Field(i).Tag.Get("toml")
		if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			keys = append(keys, strings.Join([]string{key, name}, "."))
		}
	}
	return keys
}
