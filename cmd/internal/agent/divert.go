package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/deployer"
)

// tryTime is how long a program that is diverted to may take to accept a connection.
const tryTime = 2 * time.Second

// Divert leads names and ports of a service to a program elsewhere, or back.
func (a *agent) Divert(ctx context.Context, r control.DivertRequest) (done control.Diverted, err error) {
	if err := a.known(r.Service); err != nil {
		return done, err
	}
	e := newExternals([]config.External{{Name: r.Service, Address: r.To}}, a.out.Say, func(string) {})
	switch {
	case r.To == "":
		e.all = nil
	case config.WrongAddress(r.To) != "":
		return done, control.InputError{Err: errors.New(config.WrongAddress(r.To))}
	}
	to := e.resolve(ctx)[r.Service]
	switch {
	case r.To != "" && !to.IsValid():
		return done, control.InputError{Err: fmt.Errorf("this machine does not find %s: give an address", r.To)}
	case to.Addr().IsLoopback():
		return done, control.InputError{Err: fmt.Errorf("%s is reached by nobody but this machine: give another address of it, or that of the laptop", to)}
	}
	if err := a.deployer.Divert(ctx, r.Service, to); err != nil {
		if wish := (deployer.WishError{}); errors.As(err, &wish) {
			err = control.InputError{Err: wish}
		}
		return done, err
	}
	if r.To == "" {
		a.out.Say(r.Service + " is diverted no longer: names and ports lead to what is live")
		return done, nil
	}
	done.To = to.String()
	a.out.Say(fmt.Sprintf("%s is diverted: names and ports lead to %s until jarloop divert %[1]s --off", r.Service, to))
	conn, err := (&net.Dialer{Timeout: tryTime}).DialContext(ctx, "tcp4", to.String())
	if err != nil {
		done.Warning = fmt.Sprintf("nothing accepts connections there yet, and requests of %s fail until something does: %v", r.Service, err)
		return done, nil
	}
	return done, conn.Close()
}
