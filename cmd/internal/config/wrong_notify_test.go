package config

import (
	"slices"
	"testing"
)

// What is said where a command of the VM, or who is notified, is wrong.
func TestWrongNotify(t *testing.T) {
	const web = "[service.web]\nport = 8080\n"
	refuses(t, []wrong{
		{"a command that is a number",
			web + "[notify]\ncommand = 3\n",
			`config.toml:4:1: notify.command: must be a command line like "notify-send jarloop", or a list of its words, not a whole number`},
		{"a command with a word that is a number",
			web + "[notify]\ncommand = [\"a\", 3]\n",
			`config.toml:4:17: notify.command[1]: must be a string like "notify-send jarloop", not a whole number`},
		{"a command that is empty",
			web + "[notify]\ncommand = \" \"\n",
			"config.toml:4:1: notify.command: is empty; give a command, or leave it out"},
		{"a command without words",
			web + "[notify]\ncommand = []\n",
			"config.toml:4:1: notify.command: is empty; give a command, or leave it out"},
		{"an address without its scheme",
			web + "[notify]\nwebhook = \"laptop:9000\"\n",
			`config.toml:4:1: notify.webhook: "laptop:9000" is not an address to send to; write it like "http://192.168.1.2:9000/jarloop"`},
		{"an event that there is not",
			web + "[notify]\ncommand = \"a\"\nevents = [\"live\", \"faild\"]\n",
			`config.toml:5:19: notify.events[1]: no event is called "faild"; did you mean "failed"?`},
		{"no events",
			web + "[notify]\ncommand = \"a\"\nevents = []\n",
			"config.toml:5:1: notify.events: is empty, so there would be no notification; leave it out for the usual ones"},
		{"events that nobody is notified of",
			web + "[notify]\nevents = [\"live\"]\n",
			"config.toml:3:2: notify: nobody is notified; add a command or a webhook"},
		{"a time that is too long",
			web + "[notify]\ntimeout = \"1h\"\n",
			"config.toml:4:1: notify.timeout: 1h is out of range; give 100ms to 10m"},
		{"a hook that is empty",
			web + "before_deploy = \"\"\n",
			"config.toml:3:1: service.web.before_deploy: is empty; give a command, or leave it out"},
		{"a hook that may take no time",
			web + "hook_timeout = \"0s\"\n",
			"config.toml:3:1: service.web.hook_timeout: 0s is out of range; give 100ms to 10m"},
	})
}

func TestTheEventsThatAreNotifiedWithoutAWord(t *testing.T) {
	c := parse(t, "[service.web]\nport = 8080\n[notify]\nwebhook = \"http://laptop/\"\n")
	if !slices.Equal(c.Notify.Events, []string{"live", "failed", "refused", "died", "back"}) {
		t.Errorf("events are %v", c.Notify.Events)
	}
}
