package watcher

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// crowded makes a share of services with as many files each, the first of which
// is a JAR.
func crowded(b *testing.B, services, files int) (*share, []Service) {
	b.Helper()
	s := newShare(b)
	var all []Service
	for i := range services {
		name := fmt.Sprintf("service-%02d", i)
		write(b, filepath.Join(s.theirs, name, "app.jar"), jar(b, name))
		for j := range files - 1 {
			write(b, filepath.Join(s.theirs, name, fileName(j)), []byte(name))
		}
		all = append(all, Service{Name: name, Dir: filepath.Join(s.seen, name), Runs: "*"})
	}
	return s, all
}

// crowdRig runs a watcher of them until each has been reported.
func crowdRig(b *testing.B, s *share, services []Service) *rig {
	b.Helper()
	w, err := New(Options{Root: s.seen, Store: filepath.Join(b.TempDir(), "store")}, services)
	if err != nil {
		b.Fatal(err)
	}
	r := run(b, w, s.seen)
	for range services {
		r.any(Ready)
	}
	return r
}

// any waits for an event of this kind and passes over others.
func (r *rig) any(kind EventKind) Event {
	r.t.Helper()
	limit := time.After(deadline)
	for {
		select {
		case e := <-r.events:
			if e.Kind == kind {
				return e
			}
		case <-limit:
			r.t.Fatalf("%s was not reported", kind)
		}
	}
}

// BenchmarkIdle is the processor time, in percent of one core, that watching a
// share takes while nothing happens on it. It lasts for as many seconds as
// -benchtime says rounds: "-benchtime 10x".
func BenchmarkIdle(b *testing.B) {
	for _, size := range []struct{ services, files int }{{6, 2}, {20, 100}} {
		b.Run(fmt.Sprintf("%d services of %d files", size.services, size.files), func(b *testing.B) {
			s, services := crowded(b, size.services, size.files)
			crowdRig(b, s, services)
			<-time.After(2 * scanMoreFor)
			before, began := spent(b), time.Now()
			<-time.After(time.Duration(b.N) * time.Second)
			b.ReportMetric(100*(spent(b)-before).Seconds()/time.Since(began).Seconds(), "%core")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// spent is the processor time of this process so far.
func spent(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkReady is the time from the close of a JAR of 20 kB on the other side
// of a share to its set being reported, one change a round ("-benchtime 50x"), at
// moments that have nothing to do with those of the looks.
func BenchmarkReady(b *testing.B) {
	for _, size := range []struct{ services, files int }{{1, 1}, {6, 2}, {20, 100}} {
		b.Run(fmt.Sprintf("%d services of %d files", size.services, size.files), func(b *testing.B) {
			s, services := crowded(b, size.services, size.files)
			r := crowdRig(b, s, services)
			filler := string(make([]byte, 20_000))
			var took []time.Duration
			for i := range b.N {
				<-time.After(time.Duration(1000+i*37%211) * time.Millisecond)
				data := jar(b, fmt.Sprint(i, filler))
				write(b, filepath.Join(s.theirs, services[i%len(services)].Name, "app.jar"), data)
				closed := time.Now()
				r.any(Ready)
				took = append(took, time.Since(closed))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "ms-worst")
			b.ReportMetric(0, "ns/op")
		})
	}
}
