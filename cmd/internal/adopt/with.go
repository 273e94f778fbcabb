package adopt

import (
	"crypto/rand"
	_ "embed" // the scripts
	"slices"
	"strconv"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/exit"
)

// backing is a server that Debian packages, as a base and a service without
// artefacts. Its script is in the base; it takes the password of the environment, and
// makes what is missing among its data at each start.
type backing struct {
	name, base    string
	pkg, unit     string // Debian's, and what is not to start by itself
	script        string
	port          int
	data, health  string
	secret, other string // the names of its variables: the password's, and more of them
	uses          string // the env of who uses it, with %s for the password
}

//go:embed scripts/postgresql.sh
var postgresqlScript string

//go:embed scripts/redis.sh
var redisScript string

var backings = []backing{
	{
		name: "postgresql", base: "postgresql-base", pkg: "postgresql", unit: "postgresql.service", script: postgresqlScript, port: 5432,
		data: "/var/lib/postgresql", health: `{ command = "pg_isready -q -h 127.0.0.1" }`,
		secret: "POSTGRES_PASSWORD", other: `POSTGRES_USER = "app", POSTGRES_DB = "app", `,
		uses: `{ SPRING_DATASOURCE_URL = "jdbc:postgresql://postgresql/app", SPRING_DATASOURCE_USERNAME = "app", SPRING_DATASOURCE_PASSWORD = "%s" }`,
	},
	{
		name: "redis", base: "redis-base", pkg: "redis-server", unit: "redis-server.service", script: redisScript, port: 6379,
		data: "/var/lib/redis", secret: "REDIS_PASSWORD",
		uses: `{ SPRING_DATA_REDIS_HOST = "redis", SPRING_DATA_REDIS_PASSWORD = "%s" }`,
	},
}

// Backings gives the names that With knows.
func Backings() []string {
	var names []string
	for _, b := range backings {
		names = append(names, b.name)
	}
	return names
}

// hint says how there can be a server that listens on a port, "" if it is none of these.
func hint(port string) string {
	for _, b := range backings {
		if port == strconv.Itoa(b.port) {
			return "; jarloop init --with " + b.name + " adds one"
		}
	}
	return ""
}

// With adds servers that services use, by their names.
func (l *Layout) With(names []string) error {
	for _, name := range names {
		i := slices.IndexFunc(backings, func(b backing) bool { return b.name == name })
		switch {
		case i < 0:
			return exit.Usagef("--with %s is not known; there are: %s", name, strings.Join(Backings(), ", "))
		case slices.Contains(l.Services(), name):
			return exit.Usagef("a service in %s is called %s already; leave --with %s out", l.Dir, name, name)
		case !slices.ContainsFunc(l.with, func(w withBacking) bool { return w.name == name }):
			l.with = append(l.with, withBacking{backings[i], rand.Text()})
		}
	}
	return nil
}

// withBacking is one with its password.
type withBacking struct {
	backing
	password string
}

func (w withBacking) render(line printer, unprivileged bool) {
	program := "/usr/local/bin/" + w.name + "-service"
	line("\n[base.%s]", w.base)
	line(`distribution = "debian:bookworm"`)
	line("packages     = [%s]", quote(w.pkg))
	line("run          = [%s, '''\ncat > %s <<'END'\n%sEND\nchmod 755 %s''']", quote("systemctl mask "+w.unit), program, w.script, program)
	if unprivileged {
		line("privileged   = false   # root inside is nobody outside")
	}
	line("\n# Who uses it says:")
	line("#   needs = [%s]", quote(w.name))
	line("#   env   = "+w.uses, w.password)
	line("[service.%s]", w.name)
	line("artefacts = false")
	line("base      = %s", quote(w.base))
	line("exec      = %s", quote(program))
	line("env       = { %s%s = %s }", w.other, w.secret, quote(w.password))
	line("port      = %d", w.port)
	line("data      = [%s]", quote(w.data))
	if w.health != "" {
		line("health    = %s", w.health)
	}
	line(`stop_timeout = "30s"`)
}
