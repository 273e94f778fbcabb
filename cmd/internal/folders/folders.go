// Package folders holds the program's own folders, and the lock that one process
// at a time has on them:
//
//	/var/lib/jarloop/sets/<service>/<ID>/      artefact sets
//	/var/lib/jarloop/logs/<service>/<number>/  what a generation printed
//	/var/lib/jarloop/history/<service>.json    what became of its deploys
//	/var/lib/jarloop/page-token                lets in who opens the page
//	/var/lib/jarloop/members                   where those of a cluster answer
//	/var/lib/jarloop/scratch/                  what a deploy puts together, while it does
//	/var/lib/jarloop/bases/                    what is built for a cluster, until that has it
//	/run/jarloop/lock                          held while an agent runs
//	/run/jarloop/jarloop.sock                  the agent's socket
package folders

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/deployer/base"
)

// Sets is the folder of artefact sets.
func Sets(c *config.Config) string { return filepath.Join(c.State, "sets") }

// Logs is the folder of what generations print.
func Logs(c *config.Config) string { return filepath.Join(c.State, "logs") }

// Shared is the folder of files that containers of a cluster share; those of this machine
// are beside its containers.
func Shared(c *config.Config) string { return filepath.Join(c.State, "shared") }

// History is the folder of what became of deploys.
func History(c *config.Config) string { return filepath.Join(c.State, "history") }

// PageToken is the file of what the page wants from who opens it.
func PageToken(c *config.Config) string { return filepath.Join(c.State, "page-token") }

// Members is the file with where the members of a cluster answer.
func Members(c *config.Config) string { return filepath.Join(c.State, "members") }

// Scratch is the folder for what a deploy puts together.
func Scratch(c *config.Config) string { return filepath.Join(c.State, "scratch") }

// Bases is the folder in which bases are built for a cluster.
func Bases(c *config.Config) string { return filepath.Join(c.State, "bases") }

// EmptyScratch makes it, and removes what a killed agent has left there.
func EmptyScratch(c *config.Config) error {
	dir := Scratch(c)
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove what an earlier agent has left: %w", err)
	}
	return os.MkdirAll(dir, 0o700)
}

// LockFile is the file that Lock locks.
func LockFile(c *config.Config) string { return filepath.Join(c.Run, "lock") }

// Socket is the agent's.
func Socket(c *config.Config) string { return filepath.Join(c.Run, "jarloop.sock") }

// LetPass lets the root of unprivileged containers, if there are any, come to
// the folders for what they print.
func LetPass(c *config.Config) error {
	for _, b := range c.Bases {
		if b.Privileged || c.Incus() {
			continue
		}
		first, err := base.FirstID()
		if err != nil {
			return fmt.Errorf("base %s is not privileged: %w", b.Name, err)
		}
		return letGroupPass(c, first)
	}
	return nil
}

// letGroupPass lets a group, and no other user of the host, pass the folder of
// the logs. The one above stays root's and its group's: when a unit with
// StateDirectory starts, systemd gives all that is in it to the unit's user
// where its own owner is another (systemd.exec(5)). What else lies there is
// root's alone.
func letGroupPass(c *config.Config, gid int) error {
	logs := Logs(c)
	return errors.Join(
		os.MkdirAll(logs, 0o710), os.Chown(logs, -1, gid), os.Chmod(logs, 0o710),
		os.Chmod(c.State, 0o711),
	)
}
