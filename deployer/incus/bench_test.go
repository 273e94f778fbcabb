package incus_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/enginetest"
)

// BenchmarkAnInstance gives what the steps of a deploy take, in ms, as medians.
func BenchmarkAnInstance(b *testing.B) {
	bench := newBench(b)
	e := bench.engine(b)
	ctx := b.Context()
	source := b.TempDir()
	if err := os.WriteFile(filepath.Join(source, "app.jar"), make([]byte, 1<<20), 0o600); err != nil {
		b.Fatal(err)
	}
	took := map[string][]time.Duration{}
	for n := 1; b.Loop(); n++ {
		name := fmt.Sprintf("bench-%d", n)
		for _, step := range []struct {
			name string
			do   func() error
		}{
			{"create", func() error {
				return e.Create(ctx, deployer.Spec{Name: name, Base: "base", Address: bench.next(), Record: []byte("record")})
			}},
			{"start", func() error { _, err := e.Start(ctx, name); return err }},
			{"record", func() error { return e.SetRecord(ctx, name, []byte("next")) }},
			{"install", func() error {
				return e.Install(ctx, name, source, "/srv/app", enginetest.Shell().Serve(8080))
			}},
			{"launch", func() error { return e.Launch(ctx, name) }},
			{"stop", func() error { return e.Stop(ctx, name, 0) }},
			{"remove", func() error { return e.Remove(ctx, name) }},
		} {
			began := time.Now()
			if err := step.do(); err != nil {
				b.Fatal(errors.Join(err, e.Stop(ctx, name, 0), e.Remove(ctx, name)))
			}
			took[step.name] = append(took[step.name], time.Since(began))
		}
	}
	for step, all := range took {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Milliseconds()), step+"-ms")
	}
}
