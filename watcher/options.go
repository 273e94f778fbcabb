package watcher

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Service says where one service's artefacts land.
type Service struct {
	Name string
	// Dir is the folder, absolute. It need not be there yet and may come and
	// go. Links below Options.Root on the way to it are not followed.
	Dir string
	// Files are the patterns (path.Match) of the artefacts' names relative to
	// Dir: "*.jar" matches at the top, "lib/*.jar" in lib. Without any, every
	// regular file in Dir and the folders below it is an artefact.
	Files []string
	// Ignore are patterns of what is no artefact all the same, beside what
	// writers in progress and people's tools leave: one without a slash is that
	// of a file or folder anywhere, any other is relative to Dir.
	Ignore []string
	// Runs is the archive that the command runs with java -jar, relative to Dir;
	// it must have a Main-Class. A pattern is the one that matches and has one.
	// "*" is what the default command runs: the JAR or WAR at the top, that of a
	// Quarkus folder, or the one program in bin beside lib. Where several can
	// match, what builds make beside (-sources.jar) is no artefact at the top.
	// Empty: any files will do.
	Runs string
	// Parts are what else the command needs to start: patterns of which each must
	// match a file; "classes/" is anything below that folder. What is named
	// without a wildcard and no archive is taken as executable.
	Parts []string
}

// Options say how to watch. A duration of zero means the default.
type Options struct {
	Root     string        // the shared folder, absolute; it may be reached through links, what is below may not
	Mode     Mode          // default Auto
	Poll     time.Duration // when polling, no file is looked at less often; default 10 s
	Settle   time.Duration // how long a service's files must have been still; default 20 ms
	Patience time.Duration // how long files that are not whole must have been still to be refused; default 700 ms
	Rescan   time.Duration // how often to look although nothing is said to have moved; default 10 s
	Store    string        // folder for local copies, absolute, of this program alone: <Store>/<service>/<ID>/…

	tolerance, hanging time.Duration // see the constants
}

const (
	// tolerance is how long a folder may be away or unreadable before that is
	// reported. Builds remove and make folders, remounts take a moment.
	tolerance = 2 * time.Second
	// hanging is how long a call on the share may give no sign of progress
	// before that is reported.
	hanging = 5 * time.Second
)

// complete fills in the defaults.
func (o Options) complete() (Options, error) {
	for what, dir := range map[string]*string{"root": &o.Root, "store": &o.Store} {
		if !filepath.IsAbs(*dir) {
			return o, fmt.Errorf("%s %q: must be an absolute path", what, *dir)
		}
		*dir = filepath.Clean(*dir)
	}
	o.Mode = cmp.Or(o.Mode, Auto)
	if o.Mode != Auto && o.Mode != Inotify && o.Mode != Poll {
		return o, fmt.Errorf("mode %q: must be %q, %q or %q", o.Mode, Auto, Inotify, Poll)
	}
	for _, d := range []struct {
		what  string
		value *time.Duration
		usual time.Duration
	}{
		{"poll", &o.Poll, 10 * time.Second},
		{"settle", &o.Settle, 20 * time.Millisecond},
		{"patience", &o.Patience, 700 * time.Millisecond},
		{"rescan", &o.Rescan, 10 * time.Second},
		{"tolerance", &o.tolerance, tolerance},
		{"hanging", &o.hanging, hanging},
	} {
		if *d.value < 0 {
			return o, fmt.Errorf("%s %s: must not be negative", d.what, *d.value)
		}
		*d.value = cmp.Or(*d.value, d.usual)
	}
	o.Patience = max(o.Patience, o.Settle)
	return o, nil
}

// Check says what New and Reconfigure would say of the services.
func Check(services []Service) error {
	_, err := check(services)
	return err
}

// check gives what matches the files of each service.
func check(services []Service) (map[string]matcher, error) {
	matchers := make(map[string]matcher)
	for _, s := range services {
		m, err := s.check()
		if err != nil {
			return nil, err
		}
		if _, twice := matchers[s.Name]; twice {
			return nil, fmt.Errorf("service %s: is there twice", s.Name)
		}
		matchers[s.Name] = m
	}
	return matchers, nil
}

func (s Service) check() (matcher, error) {
	if err := checkName(s.Name); err != nil {
		return matcher{}, err
	}
	if !filepath.IsAbs(s.Dir) {
		return matcher{}, fmt.Errorf("service %s: folder %q: must be an absolute path", s.Name, s.Dir)
	}
	m, err := newMatcher(s.Files, s.Ignore)
	if err != nil {
		return matcher{}, fmt.Errorf("service %s: %w", s.Name, err)
	}
	m.beside = hasWildcard(s.Runs)
	for _, r := range append([]string{s.Runs}, s.Parts...) {
		clean := strings.TrimSuffix(r, "/")
		if r == "" || r == "*" {
			continue
		}
		if why := WrongPattern(clean); why != "" {
			return matcher{}, fmt.Errorf("service %s: %q, which is to be run, %s", s.Name, r, why)
		}
		if hasWildcard(r) || clean != r {
			continue
		}
		if ignored, _ := m.ignores(r, path.Base(r)); ignored {
			return matcher{}, fmt.Errorf("service %s: %q is to be run but is ignored; take what matches it out of ignore, or name it in files", s.Name, r)
		}
		if !m.file(r) {
			return matcher{}, fmt.Errorf("service %s: %q is to be run but is none of its files (%s); add it", s.Name, r, strings.Join(s.Files, ", "))
		}
	}
	return m, nil
}
