package api

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestOnlySilenceWhileSomebodyWaitsEndsACall(t *testing.T) {
	const most = 20 * time.Second
	late := errors.New("late")
	for name, c := range map[string]struct {
		do   func(p *Progress)
		ends bool
	}{
		"nobody waits":                       {func(*Progress) { time.Sleep(5 * most) }, false},
		"somebody waits":                     {func(p *Progress) { defer p.Begin()(); time.Sleep(most + time.Second) }, true},
		"something moves":                    {func(p *Progress) { defer p.Begin()(); moves(p, most/2); moves(p, most/2) }, false},
		"it moves, and then no more":         {func(p *Progress) { defer p.Begin()(); moves(p, most/2); time.Sleep(most + time.Second) }, true},
		"one after the other waits":          {func(p *Progress) { wait(p, most/2); time.Sleep(5 * most); wait(p, most/2) }, false},
		"the other one goes on waiting":      {func(p *Progress) { defer p.Begin()(); wait(p, most/2); time.Sleep(most + time.Second) }, true},
		"the other one is heard in time":     {func(p *Progress) { defer p.Begin()(); wait(p, most/2); time.Sleep(most / 2) }, false},
		"it is silent after nobody had done": {func(p *Progress) { time.Sleep(5 * most); wait(p, most+time.Second) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := NewProgress(t.Context(), most, late)
				defer p.End()
				c.do(p)
				synctest.Wait()
				if got := errors.Is(context.Cause(p.Context()), late); got != c.ends {
					t.Errorf("it ended: %t", got)
				}
			})
		})
	}
}

// moves has something move after a time.
func moves(p *Progress, after time.Duration) {
	time.Sleep(after)
	p.Moved()
}

func wait(p *Progress, so time.Duration) {
	defer p.Begin()()
	time.Sleep(so)
}
