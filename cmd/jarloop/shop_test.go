package main

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/cmd/internal/lab"
	"github.com/jarloop/jarloop/deployer"
)

// shop is a service that is started fast: a JAR with a library in it, of which the test
// makes builds and versions.
type shop struct {
	*crashing
	classes map[string]string // by their names in the JAR
	build   int               // of the project's own
	version int               // of its library
}

// idlePatience is for what runs at the lowest priority, beside other tests.
const idlePatience = 4 * time.Minute

// newShop configures a lab for it. What nothing runs with is removed at once.
func newShop(c *crashing) *shop {
	c.t.Helper()
	c.patience = idlePatience
	out := filepath.Join(c.Dir, "classes")
	javac := exec.CommandContext(c.ctx, "javac", "--release", "17", "-d", out, "-sourcepath", "testdata/shop", "testdata/shop/com/example/Shop.java")
	if said, err := javac.CombinedOutput(); err != nil {
		c.t.Fatalf("javac: %v: %s", err, said)
	}
	s := &shop{crashing: c, classes: map[string]string{}}
	for _, name := range []string{"com/example/Shop.class", "org/lib/Words.class"} {
		s.classes[name] = s.readAt(filepath.Join(out, name))
	}
	const header = "[base.service-base]" // the one that other tests have built
	_, base, _ := strings.Cut(s.configuration(), header)
	base, _, _ = strings.Cut(base, "[base.web-base]")
	settings, _, _ := strings.Cut(s.small(`shared_limit = "0MiB"`, ""), "[base.small]")
	s.write(s.config, settings+header+base+`
[service.shop]
port = 8080
health = { path = "/" }
drain = "500ms"
[[publish]]
interface = "eth0"
port = 80
service = "shop"
`)
	s.provision()
	must(s.t, os.MkdirAll(filepath.Join(s.Share, "volume-shop"), 0o755))
	return s
}

// hurry lets what makes archives run as all else does, until the test ends: beside other
// tests, what runs at the lowest priority may not get its turn for minutes.
func (s *shop) hurry() {
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(s.ctx)
	s.t.Cleanup(func() { cancel(); <-ended })
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			for _, group := range produceGroups() {
				_ = os.WriteFile(filepath.Join(group, "cpu.shares"), []byte("1024"), 0)
				_ = os.WriteFile(filepath.Join(group, "cpu.weight"), []byte("100"), 0)
				for _, task := range strings.Fields(textOf(filepath.Join(group, "tasks")) + textOf(filepath.Join(group, "cgroup.threads"))) {
					id, _ := strconv.Atoi(task) // 0, this thread, which is no harm
					_ = unix.SchedSetAttr(id, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0)
				}
			}
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
}

// produceGroups gives the cgroups of containers that archives are made in.
func produceGroups() (all []string) {
	for _, pattern := range []string{"/sys/fs/cgroup/lxc.*.jarloop-produce*", "/sys/fs/cgroup/*/lxc.*.jarloop-produce*"} {
		found, _ := filepath.Glob(pattern) // it is well-formed
		all = append(all, found...)
	}
	return all
}

// textOf gives the text of a file that may be gone.
func textOf(file string) string {
	text, _ := os.ReadFile(file)
	return string(text) + "\n"
}

// edit writes another build of the project, and update one with another version of its
// library.
func (s *shop) edit()   { s.t.Helper(); s.build++; s.save() }
func (s *shop) update() { s.t.Helper(); s.version++; s.edit() }

func (s *shop) save() {
	s.t.Helper()
	file := filepath.Join(s.Dir, "shop.jar")
	f, err := os.Create(file)
	must(s.t, err)
	defer f.Close()
	z := zip.NewWriter(f)
	put := func(name, text string) {
		w, err := z.Create(name)
		must(s.t, err)
		_, err = io.WriteString(w, text)
		must(s.t, err)
	}
	put("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\nMain-Class: com.example.Shop\r\n")
	put("META-INF/maven/org.lib/words/pom.properties", fmt.Sprintf("version=%d\n", s.version))
	for name, class := range s.classes {
		put(name, class)
	}
	put("com/example/build.txt", fmt.Sprint("build ", s.build))
	put("org/lib/version.txt", fmt.Sprint("version ", s.version))
	must(s.t, z.Close())
	must(s.t, os.Rename(file, filepath.Join(s.Share, "volume-shop", "shop.jar")))
}

// says gives what is answered.
func (s *shop) says(client *http.Client) (string, error) {
	response, err := client.Get("http://" + lab.Address)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, text)
	}
	return string(text), err
}

// arrived says whether what was saved last serves, started fast, and all is at rest but
// for an archive.
func (s *shop) arrived() bool {
	all := s.ask().Services
	if len(all) != 1 || all[0].State != "live" || all[0].Standby == "" || len(all[0].Draining) > 0 ||
		all[0].Start == nil || all[0].Start.Plain != "" || s.unneeded() != "" {
		return false
	}
	got, err := s.says(s.Client(false))
	return err == nil && got == fmt.Sprintf("build %d with version %d", s.build, s.version)
}

// archived says whether what serves has an archive of its libraries, and nothing else
// is shared or left of the making.
func (s *shop) archived() bool { return s.arrived() && s.left() == "" }

// await waits until something is so of an archive.
func (s *shop) await(what string, so func() bool) {
	s.t.Helper()
	defer func() {
		if s.t.Failed() {
			s.t.Logf("left: %s", s.left())
		}
	}()
	s.agent.within(idlePatience, what, so)
}

// used says whether that archive is used.
func (s *shop) used() bool {
	return s.archived() && s.ask().Services[0].Start.Archive == deployer.ArchiveUsed
}

// shared gives the shared files that there are, and those that what is live wants to
// have, of which the last one is its archive.
func (s *shop) shared() (there, wanted []string) {
	s.t.Helper()
	top := filepath.Join(s.LXC, ".jarloop-shared")
	err := filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		if os.IsNotExist(err) || path == top {
			return nil
		}
		if err == nil && (!d.IsDir() || isEmpty(path)) {
			there = append(there, strings.TrimPrefix(path, top+"/"))
		}
		return err
	})
	must(s.t, err)
	for _, status := range s.ask().Services {
		text, err := os.ReadFile(filepath.Join(s.LXC, status.Generation, "jarloop.json"))
		if err != nil {
			continue // it is not live any more
		}
		g, err := deployer.ParseRecord(status.Generation, text)
		must(s.t, err)
		if g.Start == nil {
			continue
		}
		if wanted = append(wanted, g.Start.Libraries...); g.Start.Wants != nil {
			wanted = append(wanted, g.Start.Wants.Name)
		} else {
			wanted = append(wanted, g.Start.Archive)
		}
	}
	return there, wanted
}

// unneeded gives the libraries and archives that nothing runs with.
func (s *shop) unneeded() string {
	s.t.Helper()
	there, wanted := s.shared()
	return strings.Join(slices.DeleteFunc(there, func(name string) bool {
		kind := filepath.Ext(name)
		return kind != ".jar" && kind != ".jsa" || slices.Contains(wanted, name)
	}), "\n")
}

// left gives what is there and should not be, or not there and should be.
func (s *shop) left() string {
	s.t.Helper()
	left := produceGroups()
	for _, pattern := range []string{
		filepath.Join(s.LXC, "jarloop-produce-*"), filepath.Join(s.LXC, ".jarloop-[ng]*"),
		filepath.Join(s.Dir, "state", "scratch", "*"),
	} {
		found, err := filepath.Glob(pattern)
		must(s.t, err)
		left = append(left, found...)
	}
	there, wanted := s.shared()
	slices.Sort(there)
	slices.Sort(wanted)
	if !slices.Equal(there, wanted) {
		left = append(left, fmt.Sprintf("shared are %q, where %q should be", there, wanted))
	}
	return strings.Join(left, "\n")
}

func isEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) == 0
}
