package config

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// Events are those that can be told.
var Events = []string{
	"deploying", "waiting", "live", "failed", "refused", "died", "back", "restarted", "retired",
	"adopted", "unchanged", "mended", "warning",
}

// usualEvents are told where the file names none: how deploys ended, and what
// happened to what was live.
var usualEvents = []string{"live", "failed", "refused", "died", "back"}

func (c *Config) validateNotify(r *report) {
	validateHook(r, "notify.command", c.Notify.Command)
	between(r, "notify.timeout", c.Notify.Timeout, 100*time.Millisecond, 10*time.Minute)
	if r.places.given("notify.webhook") {
		if u, err := url.Parse(c.Notify.Webhook); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			r.add("notify.webhook", `%q is not an address to send to; write it like "http://192.168.1.2:9000/jarloop"`, c.Notify.Webhook)
		}
	}
	for i, event := range c.Notify.Events {
		if !slices.Contains(Events, event) {
			r.add(element("notify.events", i), "no event is called %q%s", event, meant(event, Events, "; there are "+listed(Events, "and")))
		}
	}
	switch {
	case r.places.given("notify.events") && len(c.Notify.Events) == 0 && !r.known("notify.events"):
		r.add("notify.events", "is empty, so nothing would be told; leave it out for the usual ones")
	case r.places.given("notify.events") && !r.places.given("notify.command") && !r.places.given("notify.webhook"):
		r.add("notify", "nobody is told; add a command or a webhook")
	}
}

// validateHook refuses a command that is given and empty.
func validateHook(r *report, key string, command Command) {
	if !r.places.given(key) || r.known(key) {
		return
	}
	if len(command) == 0 || strings.TrimSpace(command[0]) == "" || slices.Equal(command[:min(2, len(command))], []string{"/bin/sh", "-c"}) && strings.TrimSpace(command[len(command)-1]) == "" {
		r.add(key, "is empty; give a command, or leave it out")
	}
}
