package inside

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/shared"
	"github.com/jarloop/jarloop/deployer/sockets"
)

// without gives those shared files that are not here.
func without(all []Part) (names []string) {
	for _, one := range all {
		info, err := os.Lstat(filepath.Join(deployer.SharedFolder, one.Name))
		if err != nil || info.Size() != one.Size {
			names = append(names, one.Name)
		}
	}
	return names
}

// keepBeside is where shared files are while they come, beside what they become.
const keepBeside = ".parts"

// keep has the parts among the shared files, and those not that are gone.
func (s *server) keep(ctx context.Context) error { return s.keepIn(ctx, deployer.SharedFolder) }

func (s *server) keepIn(ctx context.Context, dir string) error {
	folder := shared.Folder(dir)
	for _, name := range s.Gone {
		if err := folder.Remove(name); err != nil {
			return err
		}
	}
	all := slices.DeleteFunc(slices.Clone(s.Parts), func(one Part) bool {
		info, err := os.Lstat(filepath.Join(dir, one.Name))
		return err == nil && info.Size() == one.Size
	})
	p := &parts{dir: filepath.Join(dir, keepBeside)}
	if err := errors.Join(check(all), os.Chmod(dir, 0o755), os.MkdirAll(p.dir, 0o700)); err != nil { // #nosec G302 -- guests read it
		return err
	}
	defer s.tell(p)()
	if err := s.receive(ctx, p, all, ""); err != nil {
		return err
	}
	for _, one := range all {
		if _, err := folder.Take(p.whole(one.SHA256), one.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.RemoveAll(p.dir)
}

// mapped gives the shared files that the service has in its memory.
func mapped() (all []string, err error) {
	err = sockets.OfService(func(int) bool { return true }, func(pid int) {
		maps, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "maps")) // of one that has ended it is empty
		for _, name := range shared.Mapped(string(maps)) {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	})
	return all, err
}
