package deployer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// findEvery is how often it is looked what a service listens on: that goes through
	// the processes of the machine. Where a port is known already it is for the case
	// alone that it is another one now.
	findEvery  = 50 * time.Millisecond
	findRarely = 500 * time.Millisecond
	// What a service listens on has to stay the same for so long before one of its
	// ports is taken: they are opened one after the other. One that its generation
	// before listened on is taken at once, and waited for longer than for others.
	findFirst = 300 * time.Millisecond
	findMoved = 3 * time.Second
)

// finding asks a generation, at a port that it has to find out where the service says
// none: what is known of that by now.
type finding struct {
	probe
	service Service
	port    uint16   // that is asked; 0: not known yet
	open    []uint16 // that could be it, the best first
	since   time.Time
	looked  time.Time
}

// finds says whether the port has to be found out.
func (s Service) finds() bool { return s.Port == 0 && !s.Worker }

// ask asks once, at the port that is written, or at the one that is found.
func (p *finding) ask(ctx context.Context) error {
	switch {
	case p.service.Worker && p.h.Port == 0:
		return nil
	case !p.service.finds():
		return p.request(ctx, cmp.Or(p.h.Port, p.service.Port))
	}
	err := errors.New("it listens on no port yet")
	if p.port != 0 {
		if err = p.askFound(ctx); err == nil {
			return nil
		}
	}
	every := findEvery
	if p.g.Port != 0 {
		every = findRarely
	}
	if time.Since(p.looked) < every {
		return err
	}
	p.looked = time.Now()
	all, failed := p.engine.Listening(ctx, p.g.Name())
	if failed != nil {
		return errors.Join(err, failed)
	}
	open := p.service.candidates(all)
	settle := findFirst
	if hint := p.g.Port; slices.Contains(open, hint) {
		open = append([]uint16{hint}, slices.DeleteFunc(open, func(port uint16) bool { return port == hint })...)
		settle = 0
	} else if hint != 0 {
		settle = findMoved
	}
	if !slices.Equal(open, p.open) {
		p.open, p.since = open, time.Now()
	}
	if len(open) == 0 || open[0] == p.port || time.Since(p.since) < settle {
		return err
	}
	p.port = open[0]
	return p.askFound(ctx)
}

// askFound asks once at the port that was found, which accepts connections also
// where another one is asked.
func (p *finding) askFound(ctx context.Context) error {
	if p.h.Port == 0 {
		return p.request(ctx, p.port)
	}
	if err := p.connect(ctx, p.port); err != nil {
		return err
	}
	return p.request(ctx, p.h.Port)
}

// toolPorts are those on which a command line has a JVM listen for tools.
var toolPorts = regexp.MustCompile(`(?:jdwp\S*address=(?:[^\s,]*:)?|jmxremote\.(?:rmi\.)?port=)(\d+)`)

// candidates gives the ports of what listens that could be the service's own: not
// those of a debugger, of JMX or of its health. The lowest comes first, which is
// none that RMI has asked the kernel for (ip(7), ip_local_port_range).
func (s Service) candidates(all []Listener) []uint16 {
	not := []uint16{s.Debug, s.Health.Port}
	for _, text := range slices.Concat([]string{s.Exec}, slices.Collect(maps.Values(s.Env))) {
		for _, m := range toolPorts.FindAllStringSubmatch(text, -1) {
			port, _ := strconv.ParseUint(m[1], 10, 16) // 0 is none
			not = append(not, uint16(port))
		}
	}
	return portsOf(all, func(l Listener) bool {
		return !l.UDP && !l.Addr.Addr().IsLoopback() && !slices.Contains(not, l.Addr.Port())
	})
}

// portsOf gives the ports of some listeners, each once and in order.
func portsOf(all []Listener, some func(Listener) bool) (ports []uint16) {
	for _, l := range all {
		if some(l) {
			ports = append(ports, l.Addr.Port())
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// proven gives the generation with the port that was found, and what is new of it.
func (p *finding) proven() *Generation {
	if !p.service.finds() || p.port == p.g.Port {
		return p.g
	}
	next := *p.g
	next.Port = p.port
	switch {
	case p.g.Port != 0:
		next.news = fmt.Sprintf("listens on %d now, not on %d", p.port, p.g.Port)
	case len(p.open) > 1:
		next.news = fmt.Sprintf("listens on %s: %d is taken for its port; to take another, write it: port = %d",
			numbers(p.open), p.port, p.open[1])
	default:
		next.news = fmt.Sprintf("listens on %d", p.port)
	}
	return &next
}

// numbers gives ports for people: "80, 443 and 8080".
func numbers(ports []uint16) string {
	var words []string
	for _, port := range slices.Sorted(slices.Values(ports)) {
		words = append(words, strconv.Itoa(int(port)))
	}
	if last := len(words) - 1; last > 0 {
		return strings.Join(words[:last], ", ") + " and " + words[last]
	}
	return strings.Join(words, "")
}
