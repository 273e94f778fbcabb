// Package checkup gives the doctor the machine that the program runs on.
package checkup

import (
	"os"

	"github.com/jarloop/jarloop/cmd/internal/bases"
	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/doctor"
	"github.com/jarloop/jarloop/cmd/internal/self"
)

// Machine is the one that the program runs on.
func Machine(c *config.Config) *doctor.Machine {
	return doctor.NewMachine(c, self.LXCChild(), func(b config.Base) (string, bool, error) {
		r, err := bases.Recipe(b)
		if err != nil {
			return "", false, err
		}
		container, there := bases.Store(c).There(r)
		return container, there, nil
	}, func() ([]string, error) { return bases.LeftOver(c) })
}

// NeedRoot stops what cannot do without root, in the doctor's words.
func NeedRoot() error { return doctor.Root(os.Geteuid()).Err() }
