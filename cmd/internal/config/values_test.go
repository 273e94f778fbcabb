package config

import (
	"testing"
)

func TestValuesAreWrittenAsTheyAreRead(t *testing.T) {
	type value interface {
		UnmarshalText([]byte) error
		MarshalText() ([]byte, error)
		String() string
	}
	for _, c := range []struct {
		value      value
		text, want string
	}{
		{new(Duration), "60s", "1m"},
		{new(Duration), "100ms", "100ms"},
		{new(Duration), "1h", "1h"},
		{new(Duration), "1h0m1s", "1h0m1s"},
		{new(Duration), "10m", "10m"},
		{new(Duration), "20s", "20s"},
		{new(Duration), "0s", "0s"},
		{new(Size), "16MiB", "16MiB"},
		{new(Size), "2048 KiB", "2MiB"},
		{new(Size), "1000B", "1000B"},
		{new(Size), "3GiB", "3GiB"},
		{new(Size), "0B", "0B"},
		{new(Range), "10.0.3.1 - 10.0.3.9", "10.0.3.1-10.0.3.9"},
	} {
		if err := c.value.UnmarshalText([]byte(c.text)); err != nil {
			t.Errorf("%q: %v", c.text, err)
		}
		text, err := c.value.MarshalText()
		if err != nil || string(text) != c.want || c.value.String() != c.want {
			t.Errorf("%q is written as %q (%v) and %q, want %q", c.text, text, err, c.value, c.want)
		}
	}
}

func TestValuesThatAreNone(t *testing.T) {
	for _, c := range []struct {
		value interface{ UnmarshalText([]byte) error }
		text  string
		want  string
	}{
		{new(Duration), "soon", `"soon" is not a duration`},
		{new(Size), "16MB", `"16MB" is not a size`},
		{new(Size), "-1MiB", `"-1MiB" is not a size`},
		{new(Size), "99999999999GiB", `"99999999999GiB" is not a size`},
		{new(Size), "1.5GiB", `"1.5GiB" is not a size`},
		{new(Range), "10.0.3.1-", `"" is not an IPv4 address`},
	} {
		if err := c.value.UnmarshalText([]byte(c.text)); err == nil || err.Error() != c.want {
			t.Errorf("%q: error %v, want %s", c.text, err, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"port", "needs", "health", "reload_command"}
	for word, want := range map[string]string{
		"prot": "port", "prt": "port", "PORT": "port", "ports": "port", "need": "needs", "helath": "health",
		"reload-command": "reload_command", "reloadcommand": "reload_command", "xxxx": "", "": "", "p": "", "porttrop": "",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
}
