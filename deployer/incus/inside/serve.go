package inside

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/jarloop/jarloop/deployer/guest"
)

// most is how long a call may take that follows nothing.
const most = 10 * time.Minute

// Serve answers the one call that comes, and gives the exit status.
func Serve(in io.Reader, out io.Writer) int {
	s := &server{in: bufio.NewReaderSize(in, 64<<10), out: bufio.NewWriterSize(out, 64<<10)}
	if err := s.serve(context.Background()); err != nil {
		return 1
	}
	return 0
}

func (s *server) serve(ctx context.Context) error {
	line, err := s.in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &s.Request)
	}
	if err == nil {
		s.root, err = guest.OpenRoot("/")
	}
	if err != nil {
		return s.answer(Answer{}, err)
	}
	defer s.root.Close()
	switch s.Call {
	case CallInstall: // however long the way is
		err := s.install(ctx)
		return s.answer(Answer{Names: without(s.Shared)}, err)
	case CallKeep: // as above
		return s.answer(Answer{}, s.keep(ctx))
	case CallProduce: // its caller says how long
		a, err := s.produce(ctx)
		return s.answer(a, err)
	case CallDial:
		return s.dial(ctx)
	case CallOutput:
		return s.output(ctx)
	case CallLines:
		return s.lines(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	a, err := s.call(ctx)
	return s.answer(a, err)
}

// call makes a call that has one answer.
func (s *server) call(ctx context.Context) (a Answer, err error) {
	switch s.Call {
	case CallStatus:
		a.Exit, err = status()
	case CallWait:
		a.Exit, err = s.wait()
	case CallRead:
		a.Data, err = s.root.ReadFile(s.File)
	case CallWrite:
		err = s.locked(ctx, func() error { return s.root.WriteFile(s.File, s.Data, s.Perm) })
	case CallLaunch:
		err = s.launch(ctx)
	case CallQuit:
		err = s.quit(ctx)
	case CallRun:
		a, err = s.command(ctx)
	case CallHalt:
		err = s.halt(ctx)
	case CallListening:
		a.Listeners, err = listening()
	case CallConnections:
		a.Open, a.Busy, err = connections(s.Port)
	case CallDisconnect:
		err = disconnect(ctx, s.Port)
	case CallMapped:
		a.Names, err = mapped()
	case CallSizes:
		a.Sizes, err = sizes(ctx, s.Files)
	default:
		err = fmt.Errorf("the program in the guest does not know the call %q", s.Call)
	}
	return a, err
}
