package config

// Logs says how much of what the services print is kept.
type Logs struct {
	// How much of each generation is kept.
	Keep Size
	// The number of generations of each service, beside those that run, whose output is
	// kept: so the last words of one that did not come up can be read.
	Generations int
}

func (l *Logs) keys() []key {
	return []key{
		{name: "keep", to: &l.Keep, preset: `"16MiB"`, limits: "64KiB to 1024GiB", change: restart},
		{name: "generations", to: &l.Generations, preset: "5", limits: "0 to 1000", change: restart},
	}
}
