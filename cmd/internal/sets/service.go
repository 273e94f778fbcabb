package sets

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/exit"
	"github.com/jarloop/jarloop/deployer/history"
)

// Service is what is known of one service, and which of its sets are kept.
type Service struct {
	history.Page
	Name string
	sets string // their folder
}

// Of reads what is known of a service below the folders of pages and of sets.
func Of(pages, sets, service string) (Service, error) {
	page, err := history.Read(pages, service)
	if errors.Is(err, fs.ErrPermission) {
		err = errors.New("the history is readable by root alone: run it with sudo")
	}
	return Service{page, service, filepath.Join(sets, service)}, err
}

// Keeps says whether a set is kept.
func (s Service) Keeps(set string) bool {
	_, err := os.Stat(filepath.Join(s.sets, set))
	return err == nil
}

// Compare gives what differs between two sets that are kept, named by how their
// IDs begin. Without a second it is the one that was tried last.
func (s Service) Compare(first string, second ...string) (from, to string, all []Difference, err error) {
	if from, err = s.find(first); err != nil {
		return "", "", nil, err
	}
	if len(second) > 0 {
		to, err = s.find(second[0])
	} else if to = s.newestKept(); to == "" {
		err = fmt.Errorf("no set of %s is kept", s.Name)
	}
	if err == nil {
		all, err = Compare(filepath.Join(s.sets, from), filepath.Join(s.sets, to))
	}
	return from, to, all, err
}

// find gives the one set that is kept and whose ID begins so.
func (s Service) find(prefix string) (string, error) {
	entries, err := os.ReadDir(s.sets)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var found []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && strings.HasPrefix(e.Name(), prefix) {
			found = append(found, e.Name())
		}
	}
	switch len(found) {
	case 0:
		return "", exit.Usagef("no kept set of %s begins with %q; jarloop history %s shows which are kept", s.Name, prefix, s.Name)
	case 1:
		return found[0], nil
	}
	return "", exit.Usagef("%q is how %d kept sets of %s begin: give more of it", prefix, len(found), s.Name)
}

// newestKept gives the set that was tried last of those that are kept.
func (s Service) newestKept() string {
	for _, e := range slices.Backward(s.Entries) {
		if s.Keeps(e.Set) {
			return e.Set
		}
	}
	return ""
}
