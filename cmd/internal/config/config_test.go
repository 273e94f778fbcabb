package config

import (
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sameAddress compares ranges; netip has no exported fields.
var sameAddress = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func parse(t *testing.T, toml string) *Config {
	t.Helper()
	c, err := Parse("config.toml", []byte(toml))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// withDefaults gives a service with the declared default of each key that is zero in it.
func withDefaults(s Service) Service {
	for _, k := range s.keys() {
		if k.preset != "" && reflect.ValueOf(k.to).Elem().IsZero() {
			new(report).read(&node{}, k)
		}
	}
	s.Replace, s.FastStart = "overlap", true
	return s
}

func TestTwoLinesMakeAService(t *testing.T) {
	got := parse(t, "[service.frontend]\nport = 8081\n")
	want := &Config{
		FastStart: true,
		State:     "/var/lib/jarloop",
		Run:       "/run/jarloop",
		Watch:     Watch{Dir: "/host", Mode: "auto", Poll: Duration{10 * time.Second}, Settle: Duration{20 * time.Millisecond}, Keep: 5},
		Engine:    Engine{Kind: EngineLXC, Project: "default", Pool: "default"},
		LXC:       LXC{Path: "/var/lib/lxc", Backing: "auto", Bridge: "lxcbr0", Address: "static", Names: "vip", Standby: true, Reserve: 256 << 20, KeepFailed: true, DataCopyLimit: 1 << 30, SharedLimit: 4 << 30},
		Logs:      Logs{Keep: 16 << 20, Generations: 5},
		Bases:     []Base{{Name: "service-base", BuiltIn: true, Distribution: "debian:bookworm", Packages: []string{"openjdk-17-jre-headless"}, Privileged: true}},
		Services: []Service{withDefaults(Service{
			Name: "frontend", Base: "service-base", Source: "/host/volume-frontend", Target: "/frontend", Port: 8081,
			Health: provenWithin(time.Minute), Drain: Duration{10 * time.Second}, HookTimeout: Duration{10 * time.Second},
		})},
		Notify: Notify{Timeout: Duration{10 * time.Second}},
		Page:   Page{Listen: "127.0.0.1:8079"},
	}
	if diff := cmp.Diff(want, got, sameAddress); diff != "" {
		t.Errorf("resolved (-want +got):\n%s", diff)
	}
}

func TestWhatIsWrittenIsKept(t *testing.T) {
	got := parse(t, "\uFEFF"+strings.ReplaceAll(`
state = "/srv/state/"
run = "/srv//run"
[lxc]
standby = false
keep_failed = false
address = "static"
names = "hosts"
reserve = "1GiB"
range = "10.0.3.10 - 10.0.3.20"
[watch]
dir = "/shared/"
settle = "0s"
keep = 9
together = true
[logs]
keep = "512KiB"
generations = 0
[notify]
command = "notified | cat"
events = ["retired"]
timeout = "1m"
[base.handmade]
[base."trusty"]
template = "/opt/templates/lxc-x"
args = ["-r", "trusty"]
privileged = false
run = ["""
a
b"""]
[service]
b = { port = 1, base = "trusty", source = "/shared/x/../y", target = "/b//c/", drain = "0s" }
a.port = 2
a.base = "handmade"
a.before_deploy = ["check", "$x"]
a.after_deploy = "smoke"
a.hook_timeout = "2m"
[service.a.health]
path = "/health?full=1"
timeout = "1m30s"
[[publish]]
interface = "eth0"
port = 80
service = "a"
[[publish]]
interface = "eth1"
port = 80
service = "a"
`, "\n", "\r\n"))
	want := &Config{
		FastStart: true,
		State:     "/srv/state",
		Run:       "/srv/run",
		Watch:     Watch{Dir: "/shared", Mode: "auto", Poll: Duration{10 * time.Second}, Keep: 9, Together: true},
		Engine:    Engine{Kind: EngineLXC, Project: "default", Pool: "default"},
		LXC: LXC{Path: "/var/lib/lxc", Backing: "auto", Bridge: "lxcbr0", Address: "static", Names: "hosts", Reserve: 1 << 30, DataCopyLimit: 1 << 30, SharedLimit: 4 << 30,
			Range: Range{netip.MustParseAddr("10.0.3.10"), netip.MustParseAddr("10.0.3.20")}},
		Logs:   Logs{Keep: 512 << 10},
		Notify: Notify{Command: Command{"/bin/sh", "-c", "notified | cat"}, Events: []string{"retired"}, Timeout: Duration{time.Minute}},
		Page:   Page{Listen: "127.0.0.1:8079"},
		Bases: []Base{
			{Name: "handmade", Privileged: true},
			{Name: "trusty", Template: "/opt/templates/lxc-x", Args: []string{"-r", "trusty"}, Run: []string{"a\nb"}},
		},
		Services: []Service{
			withDefaults(Service{Name: "b", Base: "trusty", Source: "/shared/y", Target: "/b/c", Port: 1,
				Health: provenWithin(time.Minute), HookTimeout: Duration{10 * time.Second}}),
			withDefaults(Service{Name: "a", Base: "handmade", Source: "/shared/volume-a", Target: "/a", Port: 2,
				Health: answers("/health?full=1", provenWithin(90*time.Second)), Drain: Duration{10 * time.Second},
				BeforeDeploy: Command{"check", "$x"}, AfterDeploy: Command{"/bin/sh", "-c", "smoke"}, HookTimeout: Duration{2 * time.Minute}}),
		},
		Publishes: []Publish{{"eth0", 80, "tcp", "a", 0, 0}, {"eth1", 80, "tcp", "a", 0, 0}},
	}
	want.Services[0].Drain = Duration{} // as written
	if diff := cmp.Diff(want, got, sameAddress); diff != "" {
		t.Errorf("resolved (-want +got):\n%s", diff)
	}
}

func TestAServiceSaysWhetherItIsStartedFast(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "a true, b true",
		"fast_start = false\n": "a false, b false",
		"a.fast_start = false": "a false, b true",
		"fast_start = false\na.fast_start = true": "a true, b false",
	} {
		all, one, _ := strings.Cut(text, "a.")
		if one != "" {
			one = "a." + one
		}
		c := parse(t, all+"[service]\na.port = 1\nb.port = 2\n"+one)
		if got := fmt.Sprintf("a %v, b %v", c.Service("a").FastStart, c.Service("b").FastStart); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestTheBaseOfAServiceThatNamesNone(t *testing.T) {
	for _, c := range []struct{ name, bases, want string }{
		{"is built in where no base is written", "", "service-base of debian:bookworm"},
		{"is the only one that is written", "[base.mine]\n", "mine of "},
		{"is service-base where it is among several", "[base.mine]\n[base.service-base]\n", "service-base of "},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := parse(t, c.bases+"[service.web]\nport = 80\n")
			base := config.Base(config.Services[0].Base)
			if got := base.Name + " of " + base.Distribution; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if base.Exists() != (base.Distribution == "") {
				t.Errorf("Exists() = %v for %+v", base.Exists(), *base)
			}
		})
	}
}

func shipped(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../../config.toml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The sample system, without anything that the shipped file says is a default.
const sample = `
[base.service-base]
distribution = "debian:bookworm"
packages = ["openjdk-17-jre-headless"]
[base.web-base]
distribution = "debian:bookworm"
packages = ["nginx-light"]
run = ["systemctl mask nginx.service"]
[service]
frontend = { port = 8081, health.path = "/health", needs = ["person"], files = ["*.jar", "*.yml"], exec = "JAVA-jar /frontend/FrontendApplication.jar server /frontend/config.yml" }
authentication = { port = 8082, health.path = "/health", exec = "JAVA-jar /authentication/AuthenticationApplication.jar server /authentication/config.yml" }
authorisation = { port = 8083, health.path = "/health", exec = "JAVA-jar /authorisation/AuthorisationApplication.jar server /authorisation/config.yml" }
session = { port = 8084, health.path = "/health", exec = "JAVA-jar /session/SessionApplication.jar server /session/config.yml" }
person = { port = 8085, health.path = "/health", needs = ["authorisation"], exec = "JAVA-jar /person/PersonApplication.jar server /person/config.yml" }
[service.web]
base = "web-base"
source = "volume-nginx-conf.d"
target = "/opt/nginx/conf"
port = 8080
needs = ["frontend", "authentication", "session", "person"]
health = { path = "/" }
exec = "nginx -c /opt/nginx/conf/nginx.conf -g 'daemon off;'"
reload_command = "nginx -c /opt/nginx/conf/nginx.conf -s reload"
[[publish]]
port = 80
service = "web"
`

func TestTheShippedFileShowsTheRealDefaults(t *testing.T) {
	want := parse(t, strings.ReplaceAll(sample, "JAVA", "java -Xshare:auto -XX:TieredStopAtLevel=1 -XX:+UseSerialGC "))
	if diff := cmp.Diff(want, parse(t, shipped(t)), sameAddress); diff != "" {
		t.Errorf("without what is said to be default (-), as shipped (+):\n%s", diff)
	}
}

func TestTheShippedFileIsRightWithAllThatItLeavesOut(t *testing.T) {
	text := regexp.MustCompile(`(?m)^#([a-z\[])`).ReplaceAllString(shipped(t), "$1")
	c := parse(t, text)
	if c.LXC.Range.IsZero() || c.Base("service-base").Mirror == "" || c.Base("trusty-base").Template != "ubuntu" || !c.Base("handmade").Exists() {
		t.Errorf("the keys behind # did not arrive: %+v", c)
	}
}

// provenWithin is a health of which only the timeout is given.
func provenWithin(all time.Duration) Health {
	return Health{Scheme: "http", Method: "GET", TryTimeout: Duration{2 * time.Second}, Timeout: Duration{all}}
}

func answers(path string, h Health) Health {
	h.Path = path
	return h
}
