package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/cmd/internal/lab"
)

// sample is the sample system in a rig.
type sample struct {
	*rig
	artefacts map[string]artefact // by service
}

// ways are where the answers show the version of a service, asked through
// those that depend on it.
var ways = map[string]string{"frontend": "/api", "person": "/api", "web": "/web/"}

// newSample builds the sample system on the laptop and brings it up on the VM.
// more is added to its configuration.
func (r *rig) newSample(ctx context.Context, more string) (*sample, error) {
	if err := r.configureSample(more); err != nil {
		return nil, err
	}
	if err := r.provision(ctx); err != nil {
		return nil, err
	}
	source, err := r.Example(ctx, r.root)
	if err != nil {
		return nil, err
	}
	if err := r.Gradle(ctx, source, "buildJar"); err != nil {
		return nil, err
	}
	s := &sample{rig: r, artefacts: map[string]artefact{}}
	for service, file := range map[string]string{
		"frontend": "volume-frontend/FrontendApplication.jar",
		"person":   "volume-person/PersonApplication.jar",
		"web":      "volume-nginx-conf.d/nginx.conf",
	} {
		path := filepath.Join(r.Share, file)
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		s.artefacts[service] = artefact{path, data}
	}
	return s, nil
}

// configureSample writes the shipped configuration with the lab's folders.
func (r *rig) configureSample(more string) error {
	text, err := r.Configuration(r.root)
	if err != nil {
		return err
	}
	return os.WriteFile(r.config, []byte(text+"\n"+more), 0o644)
}

var webVersion = regexp.MustCompile(`"web/([^"]+)"`)

// rebuilt gives what a build of changed source would have made of a service's
// artefact.
func (s *sample) rebuilt(service, version string) ([]byte, error) {
	data := s.artefacts[service].data
	if service != "web" {
		return variant(data, version)
	}
	found := webVersion.FindSubmatch(data)
	if found == nil {
		return nil, fmt.Errorf("nginx.conf has no version of web")
	}
	return bytes.ReplaceAll(data, found[1], []byte(version)), nil
}

// redeployed is one redeploy that went well.
type redeployed struct {
	service string
	version string
	took    time.Duration // from the save to the agent's word that it is live
	live    time.Time
}

// redeploy changes one service when its standby is ready, and waits until it is
// live.
func (s *sample) redeploy(ctx context.Context, service string) (redeployed, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	err := s.eventually(ctx, service+" has a standby", func(status control.Status) bool {
		for _, one := range status.Services {
			if one.Service == service {
				return one.State == "live" && one.Standby != ""
			}
		}
		return false
	})
	if err != nil {
		return redeployed{}, err
	}
	version := s.next()
	data, err := s.rebuilt(service, version)
	if err != nil {
		return redeployed{}, err
	}
	began := time.Now()
	saved, err := s.save(s.artefacts[service].path, data)
	if err != nil {
		return redeployed{}, err
	}
	last, err := s.live(ctx, service, began)
	return redeployed{service, version, last.Ended.Sub(saved), last.Ended}, err
}

// reply is what the sample system says of itself.
type reply struct {
	Service string  `json:"service"`
	Version string  `json:"version"`
	Calls   []reply `json:"calls"`
}

// version is that of a service which the request came through; empty: it did
// not.
func (a reply) version(service string) string {
	if a.Service == service {
		return a.Version
	}
	for _, call := range a.Calls {
		if v := call.version(service); v != "" {
			return v
		}
	}
	return ""
}

// ask gives the version of a service that a request on a new connection meets.
func (s *sample) ask(ctx context.Context, client *http.Client, service string) (string, error) {
	body, err := get(ctx, client, "http://"+lab.Address+ways[service])
	if err != nil {
		return "", err
	}
	var a reply
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		return "", fmt.Errorf("the answer is no JSON: %w: %s", err, body)
	}
	return a.version(service), nil
}
