package base

import (
	"fmt"
	"time"

	"github.com/jarloop/jarloop/deployer/base/rootfs"
	"github.com/jarloop/jarloop/deployer/crash"
)

// Progress is one moment of a build, an export, an import or a Carry.
type Progress struct {
	// Doing is which of them: "building", "exporting", "importing" or "sending".
	Doing string
	// Base is the name in the configuration, Container that of its container.
	Base, Container string
	// Step is what is done at the moment, in a few words.
	Step string
	// Line is the last line that a tool printed; empty when a step begins.
	Line string
	// Elapsed is the time since it began, and Estimate the time that all of it
	// will take, 0 if that is not known: for a build, the time that the last
	// one of this name took.
	Elapsed, Estimate time.Duration
}

// job reports one of these. Its fields change between the runs of
// tools, and during one by a single goroutine, the one that reads its lines.
type job struct {
	report func(Progress) // may be nil
	now    Progress       // all but what differs from line to line
	began  time.Time
	over   func() // ends the step as a crash point; nil before the first
}

var _ rootfs.Progress = (*job)(nil)

func (s *Store) newJob(doing string, r Recipe, estimate time.Duration) *job {
	return &job{
		report: s.Progress, began: time.Now(),
		now: Progress{Doing: doing, Base: r.Name, Container: r.Container(), Estimate: estimate},
	}
}

// locked begins the job itself: the wait for another build is no part of it.
func (j *job) locked() { j.began = time.Now() }

// wait is the step before the job.
func (j *job) wait() { j.Step("wait for another build of it") }

// Step implements rootfs.Progress.
func (j *job) Step(what string) {
	j.end()
	j.over = crash.Point("build " + what)
	j.now.Step = what
	j.Line("")
}

// end ends the step that was begun, if any.
func (j *job) end() {
	if j.over != nil {
		j.over()
		j.over = nil
	}
}

// Line implements rootfs.Progress.
func (j *job) Line(text string) { j.tell(text, j.now.Estimate) }

// Moved implements rootfs.Progress.
func (j *job) Moved(done, all int64) {
	j.tell(fmt.Sprintf("%d of %d MB", done/1e6, all/1e6),
		time.Duration(float64(time.Since(j.began))*float64(all)/float64(max(done, 1))))
}

func (j *job) tell(line string, estimate time.Duration) {
	if j.report == nil {
		return
	}
	p := j.now
	p.Line, p.Elapsed, p.Estimate = line, time.Since(j.began), estimate
	j.report(p)
}
