package adopt

import (
	"fmt"
	"regexp"
	"strconv"
)

var (
	portOption = regexp.MustCompile(`-D(?:server|quarkus\.http|micronaut\.server)\.port=([0-9]{1,5})\b|--server\.port[= ]([0-9]{1,5})\b|-Ddw\.\S*port=([0-9]{1,5})\b|\s--port[= ]([0-9]{1,5})\b`)
	portValue  = regexp.MustCompile(`^[0-9]{1,5}$`)
	// keys below which a port is not the one that a service is called by
	notServed = regexp.MustCompile(`(?i)admin|management|database|\bdb\b|mail|smtp|redis|jmx|debug|client|remote|metrics`)
	served    = regexp.MustCompile(`(?i)^(port|(server|http|application|app|web)[a-z.-]*port)$|connectors?\.([a-z.]*\.)?port$`)
)

// fromOptions takes the port that the command line sets.
func fromOptions(s *service) {
	for _, group := range portOption.FindAllStringSubmatch(s.exec.value, -1) {
		for _, number := range group[1:] {
			s.port.learn(parsePort(number), "as its command says")
		}
	}
}

// fromSettings takes the port that a program's settings say it listens on, whatever
// reads them: "port" at the top, or below what sounds like a server.
func fromSettings(s *service) {
	if s.runs.framework != nil && s.runs.framework.port != 0 {
		return // its own keys are known
	}
	s.each(func(t text, set setting) {
		if portValue.MatchString(set.value) && served.MatchString(set.key) && !notServed.MatchString(set.key) {
			s.port.learn(parsePort(set.value), fmt.Sprintf("as in %s:%d", t.name, set.line))
		}
	})
}

func parsePort(number string) int {
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

// learnPort takes over what a key of the port says. What only a run knows is known to
// be nothing else that could be read.
func (s *service) learnPort(text, note string) {
	if s.port.learn(parsePort(text), note); s.port.value == 0 && text != "" && s.port.note == "" {
		s.port.note = note
	}
}
