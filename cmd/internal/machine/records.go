package machine

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/folders"
	"github.com/jarloop/jarloop/deployer/logs"
	"github.com/jarloop/jarloop/deployer/lxc"
)

// Records gives what is known of a generation, also of one that is gone, to who reads
// what it has printed. That there is no record is fs.ErrNotExist.
func Records(c *config.Config) func(service string, number int) ([]byte, error) {
	if c.Incus() {
		return (&records{config: c}).of
	}
	return func(service string, number int) ([]byte, error) {
		return lxc.Record(c.LXC.Path, folders.Logs(c), logs.Generation(service, number))
	}
}

// recordsStay is how long what a cluster has said is taken to be so still: records tell
// which output comes before which, and that is asked for again and again.
const recordsStay = time.Second

// records are those of a cluster: of what is gone they are kept here, of the rest there.
type records struct {
	config *config.Config

	mu    sync.Mutex // also while the cluster is asked: who asks meanwhile wants the same
	asked time.Time
	there map[string][]byte
}

func (r *records) of(service string, number int) ([]byte, error) {
	record, err := os.ReadFile(logs.FolderOf(folders.Logs(r.config), service, number).Record())
	if !errors.Is(err, fs.ErrNotExist) {
		return record, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.asked) > recordsStay {
		r.ask() // a cluster that does not answer leaves what was known
		r.asked = time.Now()
	}
	if record, known := r.there[logs.Generation(service, number)]; known {
		return record, nil
	}
	return nil, fs.ErrNotExist
}

func (r *records) ask() {
	engine, err := Cluster(r.config, netip.Prefix{})
	if err != nil {
		return
	}
	defer engine.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	all, err := engine.List(ctx)
	if err != nil {
		return
	}
	r.there = map[string][]byte{}
	for _, i := range all {
		if i.Err == nil {
			r.there[i.Name] = i.Record
		}
	}
}
