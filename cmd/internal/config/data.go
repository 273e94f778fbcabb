package config

import (
	"fmt"
	"path"
	"slices"
)

// maxData is how long the path of a data folder may be: on the host it is one name.
const maxData = 80

// badData says what is wrong with a folder that is to outlive containers.
func badData(folder string) string {
	clean := path.Clean(folder)
	switch {
	case !path.IsAbs(folder):
		return fmt.Sprintf("%q is not absolute; begin it with a slash, as the container sees it", folder)
	case len(clean) > maxData:
		return fmt.Sprintf("%q has %d characters; choose a path of at most %d", clean, len(clean), maxData)
	case slices.Contains([]string{"/", "/bin", "/boot", "/etc", "/home", "/lib", "/root", "/sbin", "/usr", "/var", "/var/lib", "/var/log"}, clean):
		return fmt.Sprintf(`%q is a folder of the system; choose the service's own, like "/var/lib/app"`, clean)
	}
	for _, folder := range []string{"/dev", "/etc/jarloop", "/proc", "/run", "/sys", "/tmp", "/var/lock", "/var/log/jarloop", "/var/run", "/var/tmp"} {
		if within(clean, folder) {
			return fmt.Sprintf(`%q lies in %s, which is made anew in each container; choose a folder like "/var/lib/app"`, clean, folder)
		}
	}
	return ""
}

// checkData holds the folders that outlive containers against each other, and against
// the one that each deploy replaces.
func (s *Service) checkData(r *report, n *node) {
	for i, folder := range s.Data {
		at := n.at("data").items[i]
		switch j := slices.IndexFunc(s.Data[:i], func(other string) bool { return within(folder, other) || within(other, folder) }); {
		case s.Artefacts && (within(folder, s.Target) || within(s.Target, folder)):
			r.add(at, "%q and the target %q lie in each other, and each deploy replaces the target; choose another target, and let exec say where the data are", folder, s.Target)
		case j >= 0 && s.Data[j] == folder:
			r.add(at, "%q is in the list twice; take one out", folder)
		case j >= 0:
			r.add(at, "%q and %q lie in each other; keep the outer one", folder, s.Data[j])
		}
	}
}

// checkReplace finds what cannot be held while the service is replaced: who calls it by
// an address that is the old container's own.
func (c *Config) checkReplace(r *report, n *node, s *Service) {
	if s.Replace != ReplaceStopFirst || c.LXC.Names != NamesHosts {
		return
	}
	at := n.at("replace")
	if !at.given {
		at = n.at("data")
	}
	for _, other := range c.Services {
		if other.Name != s.Name && slices.Contains(slices.Concat(other.Needs, other.Knows), s.Name) {
			r.add(at, `with lxc.names = "hosts" what %s asks while it is replaced cannot wait, and is lost; make that "vip", or give replace = "overlap"`, other.Name)
			return
		}
	}
}
