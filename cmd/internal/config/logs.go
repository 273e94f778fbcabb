package config

// Logs says how much of what the services print is kept.
type Logs struct {
	Keep        Size
	Generations int
}

func (l *Logs) keys() []key {
	return []key{
		{name: "keep", to: &l.Keep, preset: `"16MiB"`, limits: "64KiB to 1024GiB", change: restart,
			doc: "how much is kept of each generation"},
		{name: "generations", to: &l.Generations, preset: "5", limits: "0 to 1000", change: restart,
			doc: "of how many generations of each service, beside those that run; so the last words of a generation that " +
				"did not come up can be read"},
	}
}
