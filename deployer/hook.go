package deployer

import "time"

// Hook is a command of the host that is to be run for a deploy.
type Hook struct {
	Name       string // before_deploy or after_deploy
	Argv       []string
	Timeout    time.Duration
	Service    string
	Generation string // that is being deployed
	Set        string
	Address    string // of the generation, with its port where that is known
	Serving    string // the generation that was live before; empty: none was
}

func hookOf(name string, argv []string, s Service, g *Generation, serving, set string) Hook {
	return Hook{
		Name: name, Argv: argv, Timeout: s.HookTimeout, Service: s.Name, Generation: g.Name(), Set: set,
		Address: g.at(), Serving: serving,
	}
}
