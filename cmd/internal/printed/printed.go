// Package printed reads what services have printed, from the files on the host
// that outlive their containers. It needs no agent, and gets in the way of none.
//
//	logs/<service>/<number>/… ──Print──▶ what is there
//	                          ──Follow─▶ that, and then what comes, new generations' too
//
// The lines of one file come in their order, each once. Beyond that no order
// can be promised, because lines do not say when they were printed: of what is
// there the generations of a service come one after the other, as they were live, and
// those of several services by when each was last written to. What comes while
// it is followed comes as it appears.
package printed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/guest"
	"github.com/jarloop/jarloop/deployer/logs"
)

// Reader reads what some services have printed.
type Reader struct {
	// Logs is the folder for what instances print.
	Logs string
	// Record gives that of a generation. nil: none is known.
	Record   func(service string, number int) ([]byte, error)
	Services []string
	// Generation is the number of the only one that is read; 0 reads all.
	Generation int
	// Since leaves out the files that were last written to before. When they
	// are followed, what is added to them comes.
	Since time.Time
	// Line receives the lines, on the goroutine that calls Print or Follow.
	Line func(deployer.Line)
}

// Generations gives the numbers of a service's generations whose output is
// kept, the oldest first.
func (r *Reader) Generations(service string) ([]int, error) {
	files, err := r.printed(service)
	var numbers []int
	for _, f := range files {
		if len(numbers) == 0 || numbers[len(numbers)-1] != f.Number {
			numbers = append(numbers, f.Number)
		}
	}
	return numbers, err
}

// Print gives the lines that are there, one that has no end yet included. It
// stops when ctx ends. What cannot be read is in the error, and the rest comes
// all the same.
func (r *Reader) Print(ctx context.Context) error {
	files, err := r.files()
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range inOrder(files) {
		if _, err := r.read(ctx, f, true); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// printed gives the files of a service's generations, in the order in which these
// were live. One of which nothing is known comes before them.
func (r *Reader) printed(service string) ([]logs.PrintedFile, error) {
	files, err := logs.Printed(r.Logs, service)
	known := map[int]*deployer.Generation{}
	for _, f := range files {
		if known[f.Number] != nil {
			continue
		}
		known[f.Number] = &deployer.Generation{Service: service, Number: f.Number}
		if r.Record == nil {
			continue
		}
		if record, err := r.Record(service, f.Number); err == nil {
			if g, err := deployer.ParseRecord(f.Generation(), record); err == nil {
				known[f.Number] = g
			}
		}
	}
	slices.SortStableFunc(files, func(a, b logs.PrintedFile) int { return deployer.Compare(known[a.Number], known[b.Number]) })
	return files, err
}

// file is one that is to be read, as it was when it was found.
type file struct {
	logs.PrintedFile
	written time.Time // zero: it is not there yet
	size    int64
}

// files gives the files of each service.
func (r *Reader) files() ([][]file, error) {
	var all [][]file
	for _, service := range r.Services {
		found, err := r.printed(service)
		if err != nil {
			return nil, err
		}
		var files []file
		for _, p := range found {
			if r.Generation != 0 && p.Number != r.Generation {
				continue
			}
			f := file{PrintedFile: p}
			if info, err := os.Lstat(p.Path); err == nil {
				f.written, f.size = info.ModTime(), info.Size()
			}
			files = append(files, f)
		}
		all = append(all, files)
	}
	return all, nil
}

// inOrder merges the files of services: those of each stay in their order, and
// whole generations go by when they were last written to.
func inOrder(services [][]file) []file {
	var all []file
	for {
		first := -1
		var earliest time.Time
		for i, files := range services {
			if len(files) == 0 {
				continue
			}
			if written := lastWritten(files[:generation(files)]); first < 0 || written.Before(earliest) {
				first, earliest = i, written
			}
		}
		if first < 0 {
			return all
		}
		n := generation(services[first])
		all = append(all, services[first][:n]...)
		services[first] = services[first][n:]
	}
}

// generation is how many of the files are of the same generation as the first.
func generation(files []file) int {
	n := 1
	for n < len(files) && files[n].Number == files[0].Number {
		n++
	}
	return n
}

func lastWritten(files []file) (last time.Time) {
	for _, f := range files {
		if f.written.After(last) {
			last = f.written
		}
	}
	return last
}

// read gives the lines of a file that are there, and the offset to go on from.
// A line that has no end yet is given if unfinished says so, else left for
// later.
func (r *Reader) read(ctx context.Context, f file, unfinished bool) (int64, error) {
	if f.written.Before(r.Since) {
		return f.size, nil
	}
	now, cancel := context.WithCancel(ctx)
	cancel() // no longer than what is there
	next := int64(0)
	var held *logs.Line // whether it is whole is known when the next one comes
	end, err := logs.Follow(now, f.open, 0, logs.Options{}, func(l logs.Line) {
		if l.Unfinished {
			return
		}
		if held != nil && ctx.Err() == nil {
			r.give(line{f, *held})
			next = held.Offset
		}
		held = &l
	})
	if held != nil && ctx.Err() == nil && (unfinished || f.endsAt(end)) {
		r.give(line{f, *held})
		next = end
	}
	return next, f.wrong(err)
}

func (f file) open() (*os.File, error) { return logs.Open(f.Path) }

func (f file) wrong(err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("read what %s has printed: %w", f.Generation(), err)
}

// endsAt is whether a line ends at the offset.
func (f file) endsAt(offset int64) bool {
	open, err := f.open()
	if err != nil {
		return false
	}
	defer open.Close()
	last := make([]byte, 1)
	n, err := open.ReadAt(last, offset-1)
	return n == 1 && err == nil && last[0] == '\n'
}

// give passes a line on, unless it is what the JVM prints about jarloop's options.
func (r *Reader) give(l line) {
	if !guest.IsJVMNote(l.Text) {
		r.Line(deployer.Line{
			Service: l.Service, Generation: l.Generation(), File: l.File,
			Text: l.Text, Coloured: l.Coloured, Unfinished: l.Unfinished,
		})
	}
}
