package adopt

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// text is a file that may name ports and hosts.
type text struct {
	name  string // relative to the shared folder
	lines []string
}

// isSettings says whether a file's name is that of a program's settings.
func isSettings(name string) bool {
	return slices.Contains([]string{".yml", ".yaml", ".properties", ".conf", ".json"}, path.Ext(name))
}

var (
	portOption  = regexp.MustCompile(`-Dserver\.port=([0-9]{1,5})\b|--server\.port[= ]([0-9]{1,5})\b|-Ddw\.\S*port=([0-9]{1,5})\b|\s--port[= ]([0-9]{1,5})\b`)
	setting     = regexp.MustCompile(`^(\s*(?:-\s+)?)["']?([A-Za-z0-9_.-]+)["']?\s*[:=]\s*(.*)$`)
	portValue   = regexp.MustCompile(`^["']?(?:\$\{[A-Za-z0-9_.]+:-?)?([0-9]{1,5})\}?["']?$`)
	inlinePort  = regexp.MustCompile(`\bport["']?\s*:\s*["']?([0-9]{1,5})\b`)
	listen      = regexp.MustCompile(`^\s*listen\s+(?:\S*:)?([0-9]{1,5})[\s;]`)
	nginxDaemon = regexp.MustCompile(`^\s*daemon\s`)
	// keys below which a port is not the one that a service is called by
	notServed = regexp.MustCompile(`(?i)admin|management|database|\bdb\b|mail|smtp|redis|jmx|debug|client|remote|metrics`)
	served    = regexp.MustCompile(`(?i)^(port|(server|http|application|app|web)[a-z.-]*port)$|connectors?\.([a-z.]*\.)?port$`)
)

// optionPort finds the port that a command line names.
func optionPort(command string) int {
	for _, group := range portOption.FindAllStringSubmatch(command, -1) {
		for _, number := range group[1:] {
			if port := parsePort(number); port != 0 {
				return port
			}
		}
	}
	return 0
}

// settingsPort finds the port that a program's settings say it listens on, and
// the line: "port" at the top, or below what sounds like a server.
func settingsPort(t text) (port, line int) {
	type level struct {
		indent int
		key    string
	}
	var stack []level
	for i, l := range t.lines {
		m := setting.FindStringSubmatch(uncomment(l))
		if m == nil {
			continue
		}
		indent := len(m[1])
		for len(stack) > 0 && stack[len(stack)-1].indent >= indent {
			stack = stack[:len(stack)-1]
		}
		stack = append(stack, level{indent, m[2]})
		var keys []string
		for _, s := range stack {
			keys = append(keys, s.key)
		}
		key, value := strings.Join(keys, "."), strings.TrimSpace(m[3])
		if notServed.MatchString(key) {
			continue
		}
		found := 0
		if v := portValue.FindStringSubmatch(value); v != nil && served.MatchString(key) {
			found = parsePort(v[1])
		} else if v := inlinePort.FindStringSubmatch(value); v != nil && served.MatchString(key+".port") {
			found = parsePort(v[1])
		}
		if found != 0 {
			return found, i + 1
		}
	}
	return 0, 0
}

// listenPort finds the first port that a configuration of nginx listens on.
func listenPort(t text) (port, line int) {
	for i, l := range t.lines {
		m := listen.FindStringSubmatch(uncomment(l))
		if len(m) < 2 {
			continue
		}
		if port = parsePort(m[1]); port != 0 {
			return port, i + 1
		}
	}
	return 0, 0
}

// host is a place that names a service.
type host struct {
	line, port int // port is 0 where none is named
}

// hosts finds where a text names one of the services as the host to call: in
// an address, before a port, or as the value of a key that ends in "host".
func hosts(t text, services []string) map[string]host {
	found := map[string]host{}
	for _, service := range services {
		name := regexp.QuoteMeta(service)
		called := regexp.MustCompile(`(?:(?:://|@)` + name + `|(?:^|[\s"'=,\[])` + name + `:[0-9]{1,5}|(?i:host)["']?\s*[:=]\s*["']?` + name + `)(?:$|[^A-Za-z0-9_.-])`)
		port := regexp.MustCompile(`(?:^|[^A-Za-z0-9_.-])` + name + `:([0-9]{1,5})\b`)
		for i, l := range t.lines {
			l = uncomment(l)
			if !called.MatchString(l) {
				continue
			}
			h := host{line: i + 1}
			if m := port.FindStringSubmatch(l); m != nil {
				h.port = parsePort(m[1])
			}
			if old, ok := found[service]; !ok || old.port == 0 && h.port != 0 {
				found[service] = h
			}
		}
	}
	return found
}

// uncomment takes a comment away: from a # at the start or after a blank on.
func uncomment(line string) string {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

func parsePort(number string) int {
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}
