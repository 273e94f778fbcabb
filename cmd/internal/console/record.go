package console

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/rs/zerolog"

	"github.com/jarloop/jarloop/deployer"
)

// record is what a line says to programs. What is empty is left out.
type record struct {
	Level                     zerolog.Level
	Service, Base, Generation string
	File, Files               string
	Set, Address              string
	Step, Line                string
	Reason, Serving, By       string
	Container                 string
	Bytes                     int64
	Took, Elapsed, Estimate   time.Duration
	Steps                     []deployer.Step
	Tail                      []string
	Time                      string
	Message                   string
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// json gives the record as one line.
func (r record) json() string {
	var line bytes.Buffer
	log := zerolog.New(&line)
	e := log.WithLevel(r.Level)
	for _, f := range []struct{ key, value string }{
		{"service", r.Service}, {"base", r.Base}, {"generation", r.Generation}, {"file", r.File}, {"files", r.Files},
		{"set", r.Set}, {"address", r.Address}, {"step", r.Step}, {"line", r.Line}, {"reason", r.Reason}, {"by", r.By},
		{"serving", r.Serving}, {"container", r.Container},
	} {
		if f.value != "" {
			e.Str(f.key, f.value)
		}
	}
	if r.Bytes > 0 {
		e.Int64("bytes", r.Bytes)
	}
	for _, f := range []struct {
		key   string
		value time.Duration
	}{{"took_ms", r.Took}, {"elapsed_ms", r.Elapsed}, {"estimate_ms", r.Estimate}} {
		if f.value > 0 {
			e.Float64(f.key, ms(f.value))
		}
	}
	if len(r.Steps) > 0 {
		steps := e.CreateDict()
		for _, step := range r.Steps {
			steps.Float64(step.Name, ms(step.Took))
		}
		e.Dict("steps_ms", steps)
	}
	if len(r.Tail) > 0 {
		e.Strs("tail", r.Tail)
	}
	if r.Time != "" {
		e.Str("time", r.Time)
	}
	e.Msg(r.Message)
	return line.String()
}

// priorities are those of the journal, by the levels of records.
var priorities = map[zerolog.Level]journal.Priority{zerolog.ErrorLevel: journal.PriErr, zerolog.WarnLevel: journal.PriWarning}

// inJournal gives the record in the journal's own way (systemd.journal-fields(7)):
// its words are what people read, and what was printed is under another identifier.
func (r record) inJournal(event, words string) entry {
	fields := map[string]string{
		"SYSLOG_IDENTIFIER": "jarloop", "JARLOOP_EVENT": event, "JARLOOP_SERVICE": r.Service, "JARLOOP_BASE": r.Base,
		"JARLOOP_GENERATION": r.Generation, "JARLOOP_SET": r.Set, "JARLOOP_ADDRESS": r.Address, "JARLOOP_FILE": r.File,
		"JARLOOP_STEP": r.Step, "JARLOOP_REASON": r.Reason, "JARLOOP_SERVING": r.Serving, "JARLOOP_TAIL": strings.Join(r.Tail, "\n"),
	}
	if event == "" {
		fields["SYSLOG_IDENTIFIER"] += "-" + r.Service
	}
	if r.Took > 0 {
		fields["JARLOOP_TOOK_MS"] = fmt.Sprint(ms(r.Took))
	}
	maps.DeleteFunc(fields, func(_, value string) bool { return value == "" })
	return entry{text: words, fields: fields, priority: cmp.Or(priorities[r.Level], journal.PriInfo)}
}
