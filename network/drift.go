package network

import (
	"errors"
	"maps"
	"net/netip"
	"slices"

	"github.com/jarloop/jarloop/deployer"
)

// drift collects what could not be done.
type drift struct {
	services map[string]bool
	any      bool // of any service
	errs     []error
}

// note adds an error about the services that the names are of; without names it
// is about any service. nil is none.
func (d *drift) note(err error, names ...map[string]netip.Addr) {
	if err == nil {
		return
	}
	d.errs = append(d.errs, err)
	d.any = d.any || len(names) == 0
	if d.services == nil {
		d.services = map[string]bool{}
	}
	for _, of := range names {
		for service := range of {
			d.services[service] = true
		}
	}
}

// err gives all, or nil.
func (d *drift) err() *deployer.DriftError {
	switch {
	case len(d.errs) == 0:
		return nil
	case d.any:
		return &deployer.DriftError{Err: errors.Join(d.errs...)}
	}
	return &deployer.DriftError{Services: slices.Sorted(maps.Keys(d.services)), Err: errors.Join(d.errs...)}
}
