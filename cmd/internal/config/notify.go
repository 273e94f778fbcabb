package config

import (
	"fmt"
	"net/url"
	"slices"
)

// Notify says who is notified of what happens.
type Notify struct {
	// A command line of the shell, or a list of words, run on this machine as root. The
	// event is on its standard input, and JARLOOP_EVENT, …_SERVICE, …_GENERATION, …_SET
	// and …_ADDRESS are in its environment.
	Command Command
	// The event is sent there by POST.
	Webhook string
	// The events to notify of. There are also deploying, waiting, restarted, retired,
	// adopted, unchanged, repaired, archived and warning. Default: live, failed, refused, died and
	// back.
	Events []string
	// How long the command, or the answer, may take.
	Timeout Duration
}

// Events are those that there can be notifications of.
var Events = []string{
	"deploying", "waiting", "live", "failed", "refused", "died", "back", "restarted", "retired",
	"adopted", "unchanged", "repaired", "archived", "warning",
}

// usualEvents are those where the file names none: how deploys ended, and what
// happened to what was live.
var usualEvents = []string{"live", "failed", "refused", "died", "back"}

func (o *Notify) keys() []key {
	return []key{
		{name: "command", to: &o.Command, like: `"notify-send jarloop"`, change: live},
		{name: "webhook", to: &o.Webhook, like: `"http://192.168.1.2:9000/jarloop"`, wrong: badWebhook, change: live},
		{name: "events", to: &o.Events, like: `["failed", "died"]`, wrong: badEvent, change: live},
		{name: "timeout", to: &o.Timeout, preset: `"10s"`, limits: "100ms to 10m", change: live},
	}
}

// complete gives the events that are usual where somebody is notified.
func (o *Notify) complete(n *node) {
	if at := n.at("events"); (!at.given || at.known()) && (len(o.Command) > 0 || o.Webhook != "") {
		o.Events = slices.Clone(usualEvents)
	}
}

func (o *Notify) check(r *report, n *node) {
	events := n.at("events")
	switch {
	case events.given && len(o.Events) == 0:
		r.add(events, "is empty, so there would be no notification; leave it out for the usual ones")
	case events.given && !n.at("command").given && !n.at("webhook").given:
		r.add(n, "nobody is notified; add a command or a webhook")
	}
}

func badWebhook(address string) string {
	if u, err := url.Parse(address); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Sprintf(`%q is not an address to send to; write it like "http://192.168.1.2:9000/jarloop"`, address)
	}
	return ""
}

func badEvent(event string) string {
	if slices.Contains(Events, event) {
		return ""
	}
	if event == "mended" {
		return `the event "mended" is called "repaired" now`
	}
	return fmt.Sprintf("no event is called %q%s", event, Meant(event, Events, "; there are "+listed(Events, "and")))
}
