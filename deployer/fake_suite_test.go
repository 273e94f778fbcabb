package deployer_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/enginetest"
)

func TestTheFakeKeepsEnginesPromises(t *testing.T) {
	enginetest.Run(t, enginetest.Together, func(t *testing.T) enginetest.Harness {
		w := newWorld()
		command := func(orders ...string) deployer.Command {
			return deployer.Command{Line: strings.Join(orders, "\n")}
		}
		addr := netip.MustParseAddr("10.0.3.100")
		return enginetest.Harness{
			Engine: engine{w.door()}, Base: "base",
			Address:   func() netip.Prefix { addr = addr.Next(); return netip.PrefixFrom(addr, 24) },
			Restart:   func(*testing.T) deployer.Engine { return engine{w.door()} },
			Hands:     hands(w),
			Irregular: irregular,
			BaseFile:  "/var/lib/seed/file",
			Services: enginetest.Services{
				Serve:  func(port uint16) deployer.Command { return command(fmt.Sprintf("serve %d", port)) },
				Exit:   func(status int) deployer.Command { return command(fmt.Sprintf("exit %d", status)) },
				Deaf:   func() deployer.Command { return command("deaf") },
				Parent: func() deployer.Command { return command("linger 500ms") },
				Print: func(lines ...string) deployer.Command {
					var all []string
					for _, l := range lines {
						all = append(all, "print "+l)
					}
					return command(all...)
				},
				Append: func(file string, lines ...string) deployer.Command {
					var all []string
					for _, l := range lines {
						all = append(all, "append "+file+" "+l)
					}
					return command(all...)
				},
				Take: func() deployer.Command { return command("take") },
				Map:  func(file string) deployer.Command { return command("map " + file) },
				Show: func(variable string) deployer.Command { return command("show " + variable) },
			},
			Commands: enginetest.Commands{
				Write:  func(file, text string) []string { return []string{"write", file, text} },
				Say:    func(text string) []string { return []string{"say", text} },
				FailBy: func(status int) []string { return []string{"fail", fmt.Sprint(status)} },
				Sleep:  func() []string { return []string{"sleep"} },
				Listen: func(port uint16) []string { return []string{"listen", fmt.Sprint(port)} },

				Copy:       func(from, to string) []string { return []string{"copy", from, to} },
				Interfaces: func(file string) []string { return []string{"interfaces", file} },
				TakeMore:   func() []string { return []string{"take"} },
				Fill:       func(file string) []string { return []string{"fill", file} },
			},
		}
	})
}

// hands is what people do to the machine.
func hands(w *world) enginetest.Hands {
	half := func(_ *testing.T, s deployer.Spec) {
		w.with(func() { w.instances[s.Name] = &instance{name: s.Name, record: s.Record, half: true} })
	}
	return enginetest.Hands{
		Foreign: func(_ *testing.T, name string) {
			w.with(func() { w.instances[name] = &instance{name: name, foreign: true} })
		},
		HalfMade: half, HalfRemoved: half,
		HalfProduced: func(t *testing.T, p deployer.Production) {
			d := w.door()
			go func() { _, _ = engine{d}.Produce(t.Context(), p) }()
			if err := w.until(t.Context(), func() bool { return len(w.instances) > 0 }); err != nil {
				t.Fatal(err)
			}
			d.dies(1)
		},
		Hang: func(_ *testing.T, name string) (heal func()) {
			w.with(func() { w.instances[name].hang = true })
			return func() { w.with(func() { w.instances[name].hang = false }) }
		},
		Halt: func(_ *testing.T, name string) {
			w.with(func() {
				i := w.instances[name]
				i.halting = true
				w.ask(i)
				time.AfterFunc(time.Second, func() { w.with(func() { w.halt(i) }) })
			})
		},
		Vanish: func(_ *testing.T, name string) { w.vanish(name) },
	}
}

// vanish ends an instance, and removes it with its record.
func (w *world) vanish(name string) {
	w.with(func() {
		w.end(w.instances[name], w.instances[name].unit, "killed by SIGKILL")
		delete(w.instances, name)
	})
}
