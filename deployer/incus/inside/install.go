package inside

import (
	"context"
	"errors"
	"os"
)

// install makes the target hold exactly the parts, and then names what the service runs.
// What does not come whole is not installed, and goes on from there when it is sent again.
func (s *server) install(ctx context.Context) error {
	if s.Target != "" {
		if err := s.bring(ctx, aside); err != nil {
			return err
		}
	}
	return s.locked(ctx, func() error { return s.root.WriteFile(s.Command.Name, s.Command.Data, s.Command.Mode) })
}

// aside is where files are kept that come: on the disk, and not in memory.
const aside = "/var/tmp/.jarloop-parts"

// bring asks for the parts that are lacked, and puts all of them into the target.
func (s *server) bring(ctx context.Context, aside string) error {
	p := &parts{dir: aside}
	if err := errors.Join(check(s.Parts), os.MkdirAll(p.dir, 0o700)); err != nil {
		return err
	}
	defer s.tell(p)()
	if err := s.receive(ctx, p, s.Parts, s.Target); err != nil {
		return err
	}
	dir, err := p.assemble(s.Parts)
	if err == nil {
		err = s.locked(ctx, func() error { return s.root.CopyTree(ctx, dir, s.Target) })
	}
	if err == nil {
		return os.RemoveAll(p.dir)
	}
	return errors.Join(err, os.RemoveAll(dir))
}

// receive asks for what is lacked, and takes it. What stands in the folder at is there.
func (s *server) receive(ctx context.Context, p *parts, all []Part, at string) error {
	lacks, err := p.lacks(ctx, all, at)
	if err == nil {
		err = s.answer(Answer{More: true, Lacks: lacks}, nil)
	}
	if err != nil {
		return err
	}
	p.remote.Store(true)
	defer p.remote.Store(false)
	return p.take(ctx, all, lacks, s.in)
}
