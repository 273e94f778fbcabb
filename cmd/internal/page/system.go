package page

import (
	"net/netip"
	"slices"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/deployer"
)

// System is what the configuration says of what is shown. A value is never changed.
type System struct {
	// Listen is where the page is to be; not valid: nowhere.
	Listen netip.AddrPort
	// Services are in the order of calls: who is called stands after who calls.
	Services  []Described
	Externals []External
}

// Described is what the configuration says of a service.
type Described struct {
	Name string `json:"-"`
	// Layer is the longest way from a service that nobody needs.
	Layer     int         `json:"layer"`
	Needs     []string    `json:"needs,omitempty"`
	Knows     []string    `json:"knows,omitempty"`
	NeededBy  []string    `json:"needed_by,omitempty"`
	Published []Published `json:"published,omitempty"`
	Kind      string      `json:"kind"` // service, worker or backing
	Port      int         `json:"port,omitempty"`
	Base      string      `json:"base,omitempty"`
	Replace   string      `json:"replace,omitempty"`
	Data      bool        `json:"data,omitempty"`
}

// Published is a port of the machine that leads to a service.
type Published struct {
	Port      uint16 `json:"port"`
	To        uint16 `json:"to,omitempty"`
	Protocol  string `json:"protocol"`
	Interface string `json:"interface"`
	Debug     bool   `json:"debug,omitempty"`
}

// External is a name that leads out of the containers.
type External struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// SystemOf gives what a configuration says; ports are those that are published.
func SystemOf(c *config.Config, ports []deployer.Publish) System {
	system := System{Listen: c.Page.Address()}
	for _, e := range c.Externals {
		system.Externals = append(system.Externals, External{e.Name, e.Address})
	}
	order := c.Order()
	slices.Reverse(order) // it is that in which they start
	at := map[string]int{}
	for i, name := range order {
		at[name] = i
		system.Services = append(system.Services, describe(c, c.Service(name), ports))
	}
	for i := range system.Services { // who calls it has its layer by now
		one := &system.Services[i]
		for _, need := range one.Needs {
			if j, ours := at[need]; ours {
				system.Services[j].Layer = max(system.Services[j].Layer, one.Layer+1)
			}
		}
		for _, called := range slices.Concat(one.Needs, one.Knows) {
			if j, ours := at[called]; ours && called != one.Name && !slices.Contains(system.Services[j].NeededBy, one.Name) {
				system.Services[j].NeededBy = append(system.Services[j].NeededBy, one.Name)
			}
		}
	}
	return system
}

func describe(c *config.Config, s *config.Service, ports []deployer.Publish) Described {
	one := Described{
		Name: s.Name, Needs: s.Needs, Knows: s.Knows, Kind: "service", Port: s.Port, Base: s.Base, Replace: s.Replace, Data: len(s.Data) > 0,
	}
	switch {
	case !s.Artefacts:
		one.Kind = "backing"
	case s.Worker():
		one.Kind = "worker"
	}
	for _, p := range ports {
		if p.Service == s.Name {
			one.Published = append(one.Published, Published{p.Port, p.To, p.Protocol, p.Interface, s.Debug != 0 && int(p.Port) == s.Debug})
		}
	}
	return one
}
