package deployer_test

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer"
)

// instance is a container of the machine.
type instance struct {
	name    string
	base    string
	record  []byte
	address netip.Addr
	foreign bool // somebody else's
	half    bool
	running bool
	stuck   bool // its start hangs, for as long as hang says
	hang    bool
	halting bool // by somebody's hand
	busy    bool // something is mounted in it: it cannot be removed
	files   map[string]string
	data    []string              // folders that are its service's
	memory  int64                 // that it may hold; 0: as much as there is
	names   map[string]netip.Addr // of its hosts file
	cached  map[string]netip.Addr // that its service has read
	reloads int                   // how often its service was told to read them anew
	command *deployer.Command
	enabled bool  // its service starts with the boot
	unit    *unit // what runs; nil: nothing
	exit    *deployer.ExitError
	starts  int // of its service
	conns   map[net.Conn]uint16
	open    int // connections of others to its service
	// used are those of them that Disconnect ends.
	used int
	// busyConns are those of them on which an answer is awaited.
	busyConns int
}

// output is what an instance has printed.
type output struct {
	lines []string
	told  map[string]int // by file, "" for the output: how many lines were followed
}

// unit is a service that runs. What it does is a script, one order a line:
//
//	serve [PORT] [after D]    listen, at any port or one
//	listen ADDRESS… [after D] listen there too; udp: in front is UDP
//	answer STATUS [until D]   answer requests so
//	fatal                     end by the first request, which is answered
//	silent                    accept connections, and say nothing
//	mute                      print nothing
//	greet TEXT                say that to whoever connects, and no more
//	exit STATUS [after D]     end
//	deaf                      do not end when asked to
//	linger D                  end D after one is asked to, with the line "asked"
//	well [after D]            have health.command go well
//	tls, alert                speak TLS at its port, or answer with an alert of it
//	print TEXT, append FILE TEXT, show VARIABLE
//	later D TEXT              print it when D is over
//	java -jar FILE            what that file says
type unit struct {
	began  time.Time
	orders map[string][]string // arguments by verb
	timers []*time.Timer
	end    func(after func()) // by itself, before anybody sees what it did last
	asked  bool
}

func (i *instance) String() string {
	state := "stopped"
	if i.running {
		state = "running"
	}
	return fmt.Sprintf("%s of %s at %s, service %t, names %v, cached %v, record %s",
		state, i.base, i.address, i.unit != nil, i.names, i.cached, strings.Join(strings.Fields(string(i.record)), " "))
}

// boot starts the instance, and its service where that is enabled.
func (w *world) boot(i *instance) {
	if !i.running {
		w.seed(i)
		i.running, i.stuck = true, false
		if i.enabled {
			w.begin(i)
		}
	}
}

// begin runs the service.
func (w *world) begin(i *instance) {
	i.enabled = true
	if i.unit != nil || i.command == nil {
		return
	}
	u := &unit{began: time.Now(), orders: map[string][]string{}}
	u.end = func(after func()) { w.with(func() { after(); w.end(i, u, "exited with status 1") }) }
	i.unit, i.exit, i.cached = u, nil, maps.Clone(i.names)
	i.starts++
	w.noteAct("launch", i.name)
	if other := w.hasOpen(i); other != "" {
		w.print(i, "the database is locked by "+other)
		w.harm = append(w.harm, i.name+" began beside "+other+", on the same data")
		w.end(i, u, "exited with status 1")
		return
	}
	w.perform(i, u, i.command.Line)
	if u.orders["mute"] == nil {
		w.print(i, "up")
	}
	if u.orders["take"] != nil && i.memory > 0 {
		w.end(i, u, deployer.OverMemory(i.memory))
	}
	if exit := u.orders["exit"]; exit != nil {
		end := func() { w.end(i, u, "exited with status "+exit[0]) }
		if after := delay(exit, "after"); after > 0 {
			u.timers = append(u.timers, time.AfterFunc(after, func() { w.with(end) }))
		} else {
			end()
		}
	}
}

func (w *world) perform(i *instance, u *unit, script string) {
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		verb, rest, _ := strings.Cut(line, " ")
		args := strings.Fields(rest)
		switch verb {
		case "java":
			w.perform(i, u, w.script(i, args))
		case "print":
			w.print(i, rest)
		case "later":
			after, text, _ := strings.Cut(rest, " ")
			d, err := time.ParseDuration(after)
			if err != nil {
				panic(err)
			}
			u.timers = append(u.timers, time.AfterFunc(d, func() { w.with(func() { w.print(i, text) }) }))
		case "append":
			file, text, _ := strings.Cut(rest, " ")
			w.filesOf(i, file)[file] += text + "\n"
		case "show":
			w.print(i, i.command.Env[rest])
			w.print(i, i.command.Dir)
		default:
			u.orders[verb] = append([]string{}, args...)
		}
	}
}

// delay gives the time after a word of an order; 0 if there is none.
func delay(args []string, word string) time.Duration {
	if at := slices.Index(args, word); at >= 0 {
		d, err := time.ParseDuration(args[at+1])
		if err != nil {
			panic(err)
		}
		return d
	}
	return 0
}

func (w *world) print(i *instance, line string) {
	if w.output[i.name] == nil {
		w.output[i.name] = &output{told: map[string]int{}}
	}
	w.output[i.name].lines = append(w.output[i.name].lines, line)
}

// end ends a run of the service, if it is the one that runs.
func (w *world) end(i *instance, u *unit, how string) {
	if u == nil || i.unit != u {
		return
	}
	for _, t := range u.timers {
		t.Stop()
	}
	i.unit, i.exit = nil, &deployer.ExitError{How: how}
	if status, exited := strings.CutPrefix(how, "exited with status "); exited {
		i.exit.Exited = true
		i.exit.Status, _ = strconv.Atoi(status)
	}
	for conn := range i.conns {
		_ = conn.Close()
	}
	clear(i.conns)
	w.noteAct("end", i.name)
}

// ask asks the service to end.
func (w *world) ask(i *instance) {
	u := i.unit
	if u == nil || u.asked {
		return
	}
	u.asked = true
	w.hurt("ask", i)
	w.noteAct("ask", i.name)
	switch linger := u.orders["linger"]; {
	case u.orders["deaf"] != nil:
	case linger != nil:
		d, err := time.ParseDuration(linger[0])
		if err != nil {
			panic(err)
		}
		u.timers = append(u.timers, time.AfterFunc(d, func() {
			w.with(func() {
				if i.unit == u {
					w.print(i, "asked")
					w.end(i, u, "exited with status 143")
				}
			})
		}))
	default:
		w.end(i, u, "exited with status 143")
	}
}

// kill kills the service.
func (w *world) kill(i *instance) {
	if i.unit != nil {
		w.hurt("kill", i)
		w.noteAct("kill", i.name)
		w.end(i, i.unit, "killed by SIGKILL")
	}
}

// hurt notes that a service is ended that ports lead to.
func (w *world) hurt(how string, i *instance) {
	for service, target := range w.ports.Targets {
		if target.Addr() == i.address && !w.ports.Held[service].IsValid() {
			w.harm = append(w.harm, how+" "+i.name+", which serves "+service)
		}
	}
}

// halt stops the instance, whose service has ended or is killed.
func (w *world) halt(i *instance) {
	w.kill(i)
	i.running, i.stuck, i.halting = false, false, false
}

// listens says whether the service accepts connections at a port by now.
func (i *instance) listens(port uint16) bool {
	return slices.ContainsFunc(i.listeners(port), func(l deployer.Listener) bool {
		return !l.UDP && !l.Addr.Addr().IsLoopback() && l.Addr.Port() == port
	})
}

// listeners are those that there are by now; where any port does, it is that one.
func (i *instance) listeners(whatever uint16) (all []deployer.Listener) {
	if i.unit == nil {
		return nil
	}
	for verb, args := range i.unit.orders {
		if verb != "serve" && verb != "listen" || time.Since(i.unit.began) < delay(args, "after") {
			continue
		}
		if at := slices.Index(args, "after"); at >= 0 {
			args = args[:at]
		}
		if verb == "serve" && len(args) == 0 {
			args = []string{strconv.Itoa(int(whatever))}
		}
		for _, address := range args {
			if verb == "serve" {
				address = "0.0.0.0:" + address
			}
			address, udp := strings.CutPrefix(address, "udp:")
			all = append(all, deployer.Listener{Addr: netip.MustParseAddrPort(address), UDP: udp})
		}
	}
	return all
}

// matching gives the files inside that match a pattern.
func (i *instance) matching(pattern string) (files []string) {
	for name := range i.files {
		if ok, _ := path.Match(pattern, name); ok {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files
}

// dies ends the service of an instance by itself.
func (w *world) dies(name string) {
	w.with(func() { w.end(w.instances[name], w.instances[name].unit, "exited with status 1") })
}
