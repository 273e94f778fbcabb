package config

// key is all that is to be known of one key of the configuration. What is decoded,
// the defaults, the errors, what is taken up while the agent runs, the comments of
// config.toml and docs/configuration.md follow from it.
type key struct {
	name string
	// to is what the key fills: a *string, *int, *bool, *[]string, *Command or
	// encoding.TextUnmarshaler; the []key of a table; or a group of tables.
	to any

	preset   string              // the default, as TOML; "": the zero value, or one that depends on other keys
	usual    string              // the default in words, where preset cannot say it
	like     string              // a value that an error can show, as TOML; "": preset
	required bool                // has no default: the file must have it
	limits   string              // "LOW to HIGH", both included, as values are written
	is       string              // what a number within the limits is, as in "a port"
	values   []string            // the only ones
	wrong    func(string) string // says what is wrong with a text, or with each of a list; "": nothing
	lines    bool                // a text can have line breaks

	change change
	was    string            // the key's old name
	gone   map[string]string // values of old, and what to say of them
	doc    string            // a sentence, or more, without the last full stop
}

// change says what a new value of a key does while the agent runs.
type change string

const (
	live      change = "live"     // it is taken up at once
	restart   change = "restart"  // it waits until the agent is started anew
	redeploys change = "redeploy" // it is taken up at once, and the service deployed again
)

// group is a table of tables, as [service.NAME], or a list of them, as [[publish]].
type group struct {
	list bool
	add  func(name string) []key // a new one, by its keys
	one  func() []key            // the keys of one that fills nothing
}

// each gives the group of tables that fill the elements of all.
func each[T any](all *[]T, list bool, keys func(one *T, name string) []key) group {
	return group{
		list: list,
		add: func(name string) []key {
			*all = append(*all, *new(T))
			return keys(&(*all)[len(*all)-1], name)
		},
		one: func() []key { return keys(new(T), "") },
	}
}

// table gives the keys of a table, or of each in a group; nil for a value.
func (k key) table() []key {
	switch to := k.to.(type) {
	case []key:
		return to
	case group:
		return to.one()
	default:
		return nil
	}
}

// example is a value for the key, as TOML.
func (k key) example() string {
	if k.like == "" {
		return k.preset
	}
	return k.like
}

// names gives the names of keys.
func names(keys []key) []string {
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = k.name
	}
	return list
}
