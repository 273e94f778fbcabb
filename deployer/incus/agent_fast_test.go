package incus_test

import (
	"archive/zip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jarloop/jarloop/deployer"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// TestASecondDeployOfAJVMSendsOnlyWhatChangedToACluster has an application with a library
// of four MiB redeployed: the library travels once, the classes come from an archive as
// soon as there is one, and clean leaves nothing.
func TestASecondDeployOfAJVMSendsOnlyWhatChangedToACluster(t *testing.T) {
	d := newDesk(t)
	d.javaBase()
	text, err := os.ReadFile(filepath.Join(d.dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	settings, _, _ := strings.Cut(string(text), "[base.base]")
	d.file("config.toml", []byte(settings+`
[base.java]
[service.shop]
port = 8080
health = { path = "/" }
drain = "500ms"
[[publish]]
interface = "eth0"
port = 80
service = "shop"
`))
	s := newShop(d)
	agent := d.run()
	before := d.sent()
	s.save(1)
	if sent := d.sent() - before; sent < s.library {
		t.Errorf("%d bytes were sent of a library of %d", sent, s.library)
	}
	standby := func() { d.until("there is a standby", func() bool { return d.knows(`"standby": ?"shop-\d+"`) }) }
	standby()
	before = d.sent()
	s.save(2)
	if sent := d.sent() - before; sent > s.library/2 {
		t.Errorf("%d bytes were sent again of a library of %d", sent, s.library)
	}
	d.until("an archive is made", func() bool {
		said, err := os.ReadFile(d.said.Name())
		return err == nil && strings.Contains(string(said), "the classes of its libraries are in an archive")
	})
	standby()
	before = d.sent()
	s.save(3)
	d.until("the archive is used", func() bool { return d.knows(`"archive": ?"` + string(deployer.ArchiveUsed) + `"`) })
	if sent := d.sent() - before; sent > s.library/2 {
		t.Errorf("%d bytes were sent again with a library of %d and an archive", sent, s.library)
	}
	d.kill(agent, syscall.SIGINT)
	d.cleans()
}

// knows says whether the status has something.
func (d *desk) knows(pattern string) bool {
	out, status := d.verb("status", "--json")
	return status == 0 && regexp.MustCompile(pattern).MatchString(out)
}

// sent is how many bytes have left the agent's machine.
func (d *desk) sent() int64 {
	d.t.Helper()
	out, err := d.on("cat", "/proc/net/dev").Output()
	m := regexp.MustCompile(`eth0: *(?:\d+ +){8}(\d+)`).FindSubmatch(out)
	if err != nil || m == nil {
		d.t.Fatalf("%v: %s", err, out)
	}
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// javaBase makes a base with a JVM of this machine's, on the member m1 alone.
func (d *desk) javaBase() {
	d.t.Helper()
	if _, err := exec.LookPath("jlink"); err != nil {
		d.t.Skip("no base with a JVM: this machine has no jlink")
	}
	runtime := filepath.Join(d.dir, "java")
	if out, err := exec.Command("jlink", "--add-modules", "java.base,jdk.httpserver", "--strip-debug", "--output", runtime).CombinedOutput(); err != nil {
		d.t.Fatalf("jlink: %v: %s", err, out)
	}
	ctx := d.t.Context()
	config := map[string]string{"user.jarloop.base": "java"}
	if err := d.client.CopyInstance(ctx, api.Copy{Name: "java-m1", Source: "base-m1", Member: "m1", Config: config}); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		if err := d.client.DeleteInstance(context.Background(), "java-m1"); err != nil {
			d.t.Error(err)
		}
	})
	files, err := d.client.Files(ctx, "java-m1")
	if err != nil {
		d.t.Fatal(err)
	}
	defer files.Close()
	if err := errors.Join(pushTree(files, runtime, "/opt/java"), files.MakeFolder("/usr/bin"), files.PutLink("/usr/bin/java", "/opt/java/bin/java")); err != nil {
		d.t.Fatal(err)
	}
	out, err := exec.Command("sh", "-c", "find "+runtime+" -name '*.so' -o -name java -type f | xargs ldd").CombinedOutput()
	if err != nil {
		d.t.Fatalf("ldd: %v: %s", err, out)
	}
	pushed := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)(/\S+\.so\S*) \(0x`).FindAllSubmatch(out, -1) {
		library := string(m[1])
		if pushed[library] || strings.HasPrefix(library, runtime) {
			continue
		}
		pushed[library] = true
		if err := push(files, library, library); err != nil {
			d.t.Fatal(err)
		}
	}
}

func pushTree(files *api.Files, from, to string) error {
	return filepath.WalkDir(from, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return push(files, file, to+strings.TrimPrefix(file, from))
	})
}

func push(files *api.Files, from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = files.MakeFolder(filepath.Dir(to))
	}
	if err != nil {
		return err
	}
	return files.Put(to, info.Mode(), f)
}

// shop is an application that says which build of it serves.
type shop struct {
	*desk
	classes map[string][]byte
	library int64 // bytes of its library
}

func newShop(d *desk) *shop {
	d.t.Helper()
	const sources = "../../cmd/jarloop/testdata/shop"
	out := filepath.Join(d.dir, "classes")
	if said, err := exec.Command("javac", "--release", "17", "-d", out, "-sourcepath", sources, sources+"/com/example/Shop.java").CombinedOutput(); err != nil {
		d.t.Fatalf("javac: %v: %s", err, said)
	}
	s := &shop{desk: d, classes: map[string][]byte{}, library: 4 << 20}
	for _, name := range []string{"com/example/Shop.class", "org/lib/Words.class"} {
		text, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			d.t.Fatal(err)
		}
		s.classes[name] = text
	}
	pictures := make([]byte, s.library)
	if _, err := rand.Read(pictures); err != nil {
		d.t.Fatal(err)
	}
	s.classes["org/lib/pictures"] = pictures
	if err := os.MkdirAll(filepath.Join(d.dir, "host", "volume-shop"), 0o755); err != nil {
		d.t.Fatal(err)
	}
	return s
}

// save writes a build, and waits until it serves.
func (s *shop) save(build int) {
	s.t.Helper()
	file := filepath.Join(s.dir, "shop.jar")
	f, err := os.Create(file)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	put := func(name string, text []byte) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(text)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	put("META-INF/MANIFEST.MF", []byte("Manifest-Version: 1.0\r\nMain-Class: com.example.Shop\r\n"))
	put("META-INF/maven/org.lib/words/pom.properties", []byte("version=1\n"))
	for name, class := range s.classes {
		put(name, class)
	}
	put("com/example/build.txt", []byte(fmt.Sprint("build ", build)))
	put("org/lib/version.txt", []byte("version 1"))
	if err := errors.Join(z.Close(), os.Rename(file, filepath.Join(s.dir, "host", "volume-shop", "shop.jar"))); err != nil {
		s.t.Fatal(err)
	}
	s.await(fmt.Sprintf("build %d with version 1", build))
}
