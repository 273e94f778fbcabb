package config

import (
	"slices"
	"strings"
)

// Order gives the names of all services so that each stands after those it needs,
// and otherwise as in the file: the order in which to bring up a system.
func (c *Config) Order() []string {
	order, _ := c.walk()
	return order
}

// Names gives the services that one waits for, and what else it knows by name. What
// leads out of the machine is not waited for.
func (c *Config) Names(s *Service) (needs, knows []string) {
	knows = slices.Clone(s.Knows)
	for _, need := range s.Needs {
		if c.External(need) == nil {
			needs = append(needs, need)
		} else {
			knows = append(knows, need)
		}
	}
	return needs, knows
}

// cycle is a chain of needs that returns to its start: a → b → a. The last service
// but one is where it closes, by its need number need.
type cycle struct {
	names []string
	need  int
}

func (c cycle) closes() string { return c.names[len(c.names)-2] }

func (c cycle) String() string { return strings.Join(c.names, " → ") }

// walk visits services depth first. Needs that name nobody, or the service itself,
// are passed over; each need that closes a cycle gives one.
func (c *Config) walk() (order []string, cycles []cycle) {
	done := map[string]bool{}
	var trail []string // those being visited: each needs the next
	var visit func(s *Service)
	visit = func(s *Service) {
		if done[s.Name] {
			return
		}
		trail = append(trail, s.Name)
		for i, need := range s.Needs {
			if at := slices.Index(trail, need); at >= 0 {
				if need != s.Name {
					cycles = append(cycles, cycle{append(slices.Clone(trail[at:]), need), i})
				}
			} else if needed := c.Service(need); needed != nil {
				visit(needed)
			}
		}
		trail = trail[:len(trail)-1]
		done[s.Name] = true
		order = append(order, s.Name)
	}
	for i := range c.Services {
		visit(&c.Services[i])
	}
	return order, cycles
}
