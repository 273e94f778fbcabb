package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/journal"

	"github.com/jarloop/jarloop/deployer"
)

// record is a line of JSON, for programs. What is empty is left out.
type record struct {
	Level      string   `json:"level,omitempty"`
	Service    string   `json:"service,omitempty"`
	Base       string   `json:"base,omitempty"`
	Generation string   `json:"generation,omitempty"`
	File       string   `json:"file,omitempty"`
	Files      string   `json:"files,omitempty"`
	Set        string   `json:"set,omitempty"`
	Address    string   `json:"address,omitempty"`
	Step       string   `json:"step,omitempty"`
	Line       string   `json:"line,omitempty"`
	Reason     string   `json:"reason,omitempty"`
	Serving    string   `json:"serving,omitempty"`
	Container  string   `json:"container,omitempty"`
	Bytes      int64    `json:"bytes,omitempty"`
	TookMS     float64  `json:"took_ms,omitempty"`
	StepsMS    steps    `json:"steps_ms,omitempty"`
	ElapsedMS  float64  `json:"elapsed_ms,omitempty"`
	EstimateMS float64  `json:"estimate_ms,omitempty"`
	Tail       []string `json:"tail,omitempty"`
	Time       string   `json:"time,omitempty"`
	Message    string   `json:"message"`
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// json gives the record as one line.
func (r record) json() string {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(r) // of strings and numbers: cannot fail
	return line.String()
}

// steps are how long each step of a deploy took, in their order.
type steps []deployer.Step

// MarshalJSON gives an object.
func (s steps) MarshalJSON() ([]byte, error) {
	var parts []string
	for _, step := range s {
		parts = append(parts, fmt.Sprintf("%q:%v", step.Name, ms(step.Took)))
	}
	return []byte("{" + strings.Join(parts, ",") + "}"), nil
}

// priorities are those of the journal, by the levels of records.
var priorities = map[string]journal.Priority{"error": journal.PriErr, "warn": journal.PriWarning}

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
	if r.TookMS > 0 {
		fields["JARLOOP_TOOK_MS"] = fmt.Sprint(r.TookMS)
	}
	maps.DeleteFunc(fields, func(_, value string) bool { return value == "" })
	return entry{text: words, fields: fields, priority: cmp.Or(priorities[r.Level], journal.PriInfo)}
}
