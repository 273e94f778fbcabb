package rootfs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// format is part of every hash: raise it when what is built from the same
// recipe changes, and every base is built anew, beside the old one.
const format = 1

// IDs is how many users and groups an unprivileged guest has: 0 to 65535, as
// Debian uses them.
const IDs = 1 << 16

// Recipe says what a base is made of. With neither Distribution nor Template
// it names a container that someone else made and keeps.
type Recipe struct {
	// Name is the base's name in the configuration: letters, digits, dots,
	// hyphens and underscores.
	Name string `json:"name"`
	// Distribution is NAME:SUITE, for instance "debian:bookworm", built by
	// mmdebstrap. Names other than debian and ubuntu need a Mirror.
	Distribution string `json:"distribution,omitempty"`
	// Template is an lxc-create template, with its Args.
	Template string   `json:"template,omitempty"`
	Args     []string `json:"args,omitempty"`
	// Packages are installed with apt, in any order.
	Packages []string `json:"packages,omitempty"`
	// Run are shell lines, run inside as root, one after the other, after the
	// packages. No service runs meanwhile.
	Run []string `json:"run,omitempty"`
	// Mirror is where Distribution comes from; mmdebstrap's choice if empty.
	// A single address has no security updates of its own to go with it.
	Mirror string `json:"mirror,omitempty"`
	// First is the host's user and group ID that is root in the guests, which
	// run in a user namespace then; 0 for privileged ones.
	First int `json:"first_id,omitempty"`
}

// Exists says whether the recipe names a container that exists already, rather
// than how to build one.
func (r Recipe) Exists() bool { return r.Distribution == "" && r.Template == "" }

// Hash gives the SHA-256, in hexadecimal, over everything that decides the
// content of the base. The name does not, nor does the order of the packages.
func (r Recipe) Hash() string {
	r.Name = ""
	r.Packages = r.PackageSet()
	text, err := json.Marshal(struct {
		Format int
		Recipe Recipe
	}{format, r})
	if err != nil {
		panic(err) // strings alone: always encodable
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// PackageSet gives the packages in order, each once.
func (r Recipe) PackageSet() []string {
	return slices.Compact(slices.Sorted(slices.Values(r.Packages)))
}

// Container gives the name of the base's container: Name itself where the
// container exists already, else Name and the first digits of the hash.
func (r Recipe) Container() string {
	if r.Exists() {
		return r.Name
	}
	return r.Name + "-" + r.Hash()[:8]
}

var (
	nameForm = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`)
	distForm = regexp.MustCompile(`^[a-z][a-z0-9]*:[a-z][a-z0-9.-]*$`)
	// What apt takes, with "=version", "/suite" and ":architecture"; no comma
	// or blank, which separate packages, and no leading sign.
	packageForm = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9.+:~=/_-]*$`)
	mirrorForm  = regexp.MustCompile(`^([a-z][a-z0-9+.-]*:/|deb )`)
)

// longestName leaves space for a hyphen and eight digits in a host name of 64
// bytes, sethostname(2).
const longestName = 64 - 9

// Check says what is wrong with the recipe.
func (r Recipe) Check() error {
	switch {
	case r.Name == "":
		return errors.New("the base has no name")
	case !nameForm.MatchString(r.Name):
		return fmt.Errorf("the name %q: only letters, digits, dots, hyphens and underscores, and a letter or digit first", r.Name)
	case len(r.Name) > longestName:
		return fmt.Errorf("the name %q is longer than %d characters", r.Name, longestName)
	case r.Distribution != "" && r.Template != "":
		return errors.New("both a distribution and a template: choose one")
	case r.Exists() && len(r.Packages)+len(r.Run) > 0:
		return errors.New("packages or run lines, but neither a distribution nor a template to start from")
	case r.Template == "" && len(r.Args) > 0:
		return errors.New("arguments, but no template that takes them")
	case r.Distribution == "" && r.Mirror != "":
		return errors.New("a mirror, but no distribution that comes from it")
	case r.First != 0 && r.Exists():
		return errors.New("unprivileged clones, but neither a distribution nor a template to build for them")
	case r.First != 0 && r.First < IDs:
		return fmt.Errorf("the first ID %d is one that clones have themselves", r.First)
	case r.Mirror != "" && !mirrorForm.MatchString(r.Mirror):
		return fmt.Errorf("the mirror %q is no address", r.Mirror)
	}
	for _, p := range r.Packages {
		if !packageForm.MatchString(p) {
			return fmt.Errorf("the package %q: one name a package, as apt-get takes it", p)
		}
	}
	return r.checkDistribution()
}

func (r Recipe) checkDistribution() error {
	if r.Distribution == "" {
		return nil
	}
	if !distForm.MatchString(r.Distribution) {
		return fmt.Errorf("the distribution %q: NAME:SUITE, for instance debian:bookworm", r.Distribution)
	}
	if name, _ := r.System(); name != "debian" && name != "ubuntu" && r.Mirror == "" {
		return fmt.Errorf("the distribution %q: without a mirror, only debian and ubuntu are known; other systems come from a template", r.Distribution)
	}
	return nil
}

// System gives the two halves of Distribution: its name and its suite.
func (r Recipe) System() (name, suite string) {
	name, suite, _ = strings.Cut(r.Distribution, ":")
	return name, suite
}
