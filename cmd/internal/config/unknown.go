package config

import "slices"

// ofOthers are keys of other tools for services, by what they are called here.
var ofOthers = map[string][]string{
	"exec":   {"command", "cmd", "entrypoint", "start", "run", "args", "jvm_args", "java_opts", "jvmArgs"},
	"env":    {"environment", "variables"},
	"needs":  {"depends_on", "dependsOn", "requires", "links"},
	"data":   {"volumes", "volume", "mounts", "persist"},
	"base":   {"image", "from", "java", "jdk", "jre"},
	"health": {"healthcheck", "health_check", "readiness", "liveness", "probe"},
	"memory": {"mem_limit", "memory_limit", "heap"},
	"cpus":   {"cpu", "cpu_limit"},
	"port":   {"expose", "listen", "http_port"},
	"source": {"dir", "folder", "path", "artifact", "artifacts", "jar", "build"},
	"target": {"working_dir", "workdir"},
	"ignore": {"exclude", "excludes"},
	"logs":   {"log", "logging", "log_file"},
}

// unknown reports what a table has in the file and no key is for, with the likeliest
// remedy.
func (r *report) unknown(n *node, keys []key) {
	here := names(keys)
	for _, name := range n.names {
		if slices.Contains(here, name) || r.renamed(n.at(name), name, keys) {
			continue
		}
		if other := called(name, here); other != "" {
			r.add(n.at(name), "unknown key; did you mean %q?", other)
		} else if home := r.homeOf(name); home != "" && nearest(name, here) == "" {
			r.add(n.at(name), "unknown key here; %q belongs %s", name, home)
		} else {
			r.add(n.at(name), "unknown key%s", Meant(name, here, "; known here: "+listed(here, "and")))
		}
	}
}

// called gives what a key of other tools is called among these; "" if that is not known.
func called(name string, here []string) string {
	for key, others := range ofOthers {
		if slices.Contains(others, name) && slices.Contains(here, key) && slices.Contains(here, "needs") { // of services
			return key
		}
	}
	return ""
}

// renamed reports a key by its old name, and says whether it is one.
func (r *report) renamed(n *node, name string, keys []key) bool {
	for _, k := range keys {
		if k.was != name {
			continue
		}
		if say, ok := k.gone[n.text]; ok {
			r.add(n, "is called %q now; %q %s", k.name, n.text, say)
		} else {
			r.add(n, "is called %q now; rename it", k.name)
		}
		return true
	}
	return false
}

// homeOf gives the place where a key would be right; "" if there is none.
func (r *report) homeOf(name string) string {
	if slices.Contains(names(r.top), name) {
		return "at the top of the file, above the first [table]"
	}
	for _, k := range r.top {
		in, ok := k.to.(table)
		if g, many := k.to.(group); many {
			in, ok = g.none, true
		}
		if ok && slices.Contains(names(in.keys()), name) {
			return "in a table like " + k.like
		}
	}
	return ""
}
