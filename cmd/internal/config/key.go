package config

// key declares one key of the configuration, beside the field that it fills: what is
// decoded, the defaults, the errors and what is taken up while the agent runs follow
// from it. What is said of it in config.toml and docs/configuration.md follows from it
// and the field's comment.
type key struct {
	name string
	// to is what the key fills: a *string, *int, *bool, *[]string,
	// *map[string]string, *Command, encoding.TextUnmarshaler or table; or a group of tables.
	to any

	preset   string              // the default, as TOML; "": the zero value, or one that depends on other keys
	like     string              // a value that an error can show, as TOML; "": preset
	required string              // what it is, if it has no default and the file must have it
	limits   string              // "LOW to HIGH", both included, as values are written
	is       string              // what a number within the limits is, as in "a port"
	values   []string            // the only ones
	wrong    func(string) string // says what is wrong with a text, or with each of a list; "": nothing
	lines    bool                // a text can have line breaks

	change change
	was    string            // the key's old name
	gone   map[string]string // values of old, and what to say of them
}

// change says what a new value of a key does while the agent runs.
type change string

const (
	live      change = "live"     // it is taken up at once
	restart   change = "restart"  // it waits until the agent is started anew
	redeploys change = "redeploy" // it is taken up at once, and the service deployed again
)

// table is a struct that a table of the file fills.
type table interface{ keys() []key }

// group is a table of tables, as [service.NAME], or a list of them, as [[publish]].
type group struct {
	all  any // the slice that it fills
	list bool
	add  func(name string) table
	none table // one that is not in the slice
}

// each gives the group of tables that fill the elements of all; name is where one keeps
// its name, nil for a list.
func each[T any, P interface {
	*T
	table
}](all *[]T, name func(P) *string) group {
	return group{all: all, list: name == nil, none: P(new(T)), add: func(called string) table {
		*all = append(*all, *new(T))
		one := P(&(*all)[len(*all)-1])
		if name != nil {
			*name(one) = called
		}
		return one
	}}
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
