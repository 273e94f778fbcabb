package deployer

import "testing"

// What can be changed under a running service is no reason to deploy it again.
func TestFingerprint(t *testing.T) {
	base := Service{Name: "web", Base: "base", Target: "/web", Exec: "nginx", Port: 80}
	for name, c := range map[string]struct {
		change func(*Service)
		other  bool
	}{
		"the needs":          {func(s *Service) { s.Needs = []string{"person"} }, false},
		"how it is proven":   {func(s *Service) { s.Health = Health{Path: "/well", Timeout: 1} }, false},
		"how it ends":        {func(s *Service) { s.Drain, s.StopTimeout = 1, 1 }, false},
		"the logs":           {func(s *Service) { s.Logs = []string{"/log/*"} }, false},
		"the reload command": {func(s *Service) { s.ReloadCommand = "nginx -s reload" }, false},
		"the hooks":          {func(s *Service) { s.Before, s.After, s.HookTimeout = []string{"a"}, []string{"b"}, 1 }, false},
		"how it is replaced": {func(s *Service) { s.Replace = StopFirst }, false},
		"the data":           {func(s *Service) { s.Data = []string{"/data"} }, true},
		"the command":        {func(s *Service) { s.Exec = "nginx -g x" }, true},
		"the port":           {func(s *Service) { s.Port = 81 }, true},
		"the target":         {func(s *Service) { s.Target = "/other" }, true},
		"the debugger":       {func(s *Service) { s.Debug = 5005 }, true},
		"the environment":    {func(s *Service) { s.Env = map[string]string{"A": "1"} }, true},
		"its limits":         {func(s *Service) { s.Memory, s.CPUs = 1<<20, 0.5 }, true},
		"what it waits for":  {func(s *Service) { s.Unready = "no such file" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			changed := base
			c.change(&changed)
			if other := changed.fingerprint() != base.fingerprint(); other != c.other {
				t.Errorf("another fingerprint: %t, want %t", other, c.other)
			}
		})
	}
}
