package rootfs

import (
	"regexp"
	"strings"
	"testing"
)

func debian(change func(*Recipe)) Recipe {
	r := Recipe{
		Name: "service-base", Distribution: "debian:bookworm",
		Packages: []string{"nginx-light", "curl"}, Run: []string{"true", "false"},
	}
	if change != nil {
		change(&r)
	}
	return r
}

func TestHash(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Recipe)
		same   bool
	}{
		{"the name does not count", func(r *Recipe) { r.Name = "other" }, true},
		{"the order of packages does not count", func(r *Recipe) { r.Packages = []string{"curl", "nginx-light"} }, true},
		{"a package twice is a package once", func(r *Recipe) { r.Packages = append(r.Packages, "curl") }, true},
		{"an empty list is no list", func(r *Recipe) { r.Args = []string{} }, true},
		{"a package counts", func(r *Recipe) { r.Packages = r.Packages[:1] }, false},
		{"the order of run lines counts", func(r *Recipe) { r.Run = []string{"false", "true"} }, false},
		{"the suite counts", func(r *Recipe) { r.Distribution = "debian:trixie" }, false},
		{"the mirror counts", func(r *Recipe) { r.Mirror = "http://mirror.example/debian" }, false},
		{"a template counts", func(r *Recipe) { r.Distribution, r.Template = "", "debian" }, false},
		{"arguments count", func(r *Recipe) { r.Args = []string{"-r", "x"} }, false},
		{"one argument is not two", func(r *Recipe) { r.Args = []string{"-r x"} }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := debian(nil)
			got := debian(test.change)
			if (got.Hash() == before.Hash()) != test.same {
				t.Errorf("%s\n%s: want same = %v", before.Hash(), got.Hash(), test.same)
			}
		})
	}
	r := debian(nil)
	r.Hash()
	if r.Packages[0] != "nginx-light" {
		t.Error("Hash sorted the caller's packages")
	}
}

func TestContainer(t *testing.T) {
	r := debian(nil)
	if got := r.Container(); !regexp.MustCompile(`^service-base-[0-9a-f]{8}$`).MatchString(got) {
		t.Errorf("container of a recipe: %q", got)
	}
	if got := (Recipe{Name: "mine"}).Container(); got != "mine" {
		t.Errorf("container that exists: %q", got)
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Recipe)
		want   string // "" for none
	}{
		{"a distribution with packages and lines is right", nil, ""},
		{"a base that exists is right", func(r *Recipe) { *r = Recipe{Name: "My_base.1"} }, ""},
		{"a template with arguments is right", func(r *Recipe) { r.Distribution, r.Template, r.Args = "", "ubuntu", []string{"-r"} }, ""},
		{"a package may have a version, a suite and an architecture", func(r *Recipe) { r.Packages = []string{"g++=4:12.2.0-3~x", "nginx/sid", "libc6:i386"} }, ""},
		{"another distribution with its mirror is right", func(r *Recipe) { r.Distribution, r.Mirror = "devuan:daedalus", "http://mirror.example/x" }, ""},
		{"no name", func(r *Recipe) { r.Name = "" }, "no name"},
		{"a name that leaves the folder", func(r *Recipe) { r.Name = "../x" }, `the name "../x"`},
		{"a name like an option", func(r *Recipe) { r.Name = "-x" }, `the name "-x"`},
		{"a name too long for a host name", func(r *Recipe) { r.Name = strings.Repeat("x", 56) }, "longer than 55"},
		{"both a distribution and a template", func(r *Recipe) { r.Template = "ubuntu" }, "choose one"},
		{"packages of a base that exists", func(r *Recipe) { r.Distribution = "" }, "neither a distribution nor a template"},
		{"arguments without a template", func(r *Recipe) { r.Args = []string{"x"} }, "no template"},
		{"a mirror for a template", func(r *Recipe) { r.Distribution, r.Template, r.Mirror = "", "ubuntu", "http://x/" }, "a mirror, but no distribution"},
		{"a mirror that is standard input", func(r *Recipe) { r.Mirror = "-" }, "is no address"},
		{"a package like an option", func(r *Recipe) { r.Packages = []string{"-o=x"} }, `the package "-o=x"`},
		{"two packages in one", func(r *Recipe) { r.Packages = []string{"a,b"} }, `the package "a,b"`},
		{"a package with a command", func(r *Recipe) { r.Packages = []string{"a;reboot"} }, `the package "a;reboot"`},
		{"no suite", func(r *Recipe) { r.Distribution = "debian" }, "NAME:SUITE"},
		{"a suite like an option", func(r *Recipe) { r.Distribution = "debian:--help" }, "NAME:SUITE"},
		{"an unknown distribution", func(r *Recipe) { r.Distribution = "arch:latest" }, "other systems come from a template"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := debian(test.change).Check()
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// A base that a released version built must not be built anew.
func TestTheHashStaysWhatItWas(t *testing.T) {
	for want, r := range map[string]Recipe{
		"d092cc035c3041a7325448df98b8f104bac7666820c4cf8b3222d62de9162b77": {
			Name: "service-base", Distribution: "debian:bookworm", Packages: []string{"nginx-light", "curl"},
			Run: []string{"true", "echo a > /b && false"}, Mirror: "http://mirror.example/debian",
		},
		"3c0a4f1bddf3904b1d65d4d656ef18ba3df33e1f89afd599d6d18a86b76551f4": {
			Name: "service-base", Distribution: "debian:bookworm", Packages: []string{"openjdk-17-jre-headless"}, First: 100000,
		},
		"ae1fcb58bd819fe53fa64da630b70c31aee5e507b38bd99059dd73715d366adf": {
			Name: "bb", Template: "busybox", Args: []string{"-r", "x"},
		},
	} {
		if got := r.Hash(); got != want {
			t.Errorf("%+v: %s, want %s", r, got, want)
		}
	}
}
