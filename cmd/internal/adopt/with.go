package adopt

import (
	"crypto/rand"
	_ "embed" // the scripts
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/exit"
)

// What runs each server.
var (
	//go:embed scripts/postgresql.sh
	postgresqlScript string
	//go:embed scripts/mariadb.sh
	mariadbScript string
	//go:embed scripts/redis.sh
	redisScript string
	//go:embed scripts/rabbitmq.sh
	rabbitmqScript string
	//go:embed scripts/mail.sh
	mailScript string
)

var backings = []backing{
	{
		name: "postgresql", images: []string{"postgres", "postgresql"}, pkg: "postgresql", unit: "postgresql.service", script: postgresqlScript, port: 5432,
		data: "/var/lib/postgresql", health: `{ command = "pg_isready -q -h 127.0.0.1" }`,
		secret: "POSTGRES_PASSWORD", other: []variable{{name: "POSTGRES_USER", value: "app"}, {name: "POSTGRES_DB", value: "app"}},
		image: []variable{{name: "POSTGRES_USER", value: "postgres"}, {name: "POSTGRES_DB"}},
		uses:  `{ SPRING_DATASOURCE_URL = "jdbc:postgresql://postgresql/app", SPRING_DATASOURCE_USERNAME = "app", SPRING_DATASOURCE_PASSWORD = "%s" }`,
	},
	{
		name: "mariadb", images: []string{"mariadb", "mysql"}, pkg: "mariadb-server", unit: "mariadb.service", script: mariadbScript, port: 3306,
		data: "/var/lib/mariadb", health: `{ command = "mariadb-admin --protocol=tcp --host=127.0.0.1 --connect-timeout=2 ping" }`,
		secret: "MARIADB_PASSWORD", other: []variable{{name: "MARIADB_USER", value: "app"}, {name: "MARIADB_DATABASE", value: "app"}},
		image: named("MARIADB_USER", "MARIADB_DATABASE", "MARIADB_ROOT_PASSWORD", "MYSQL_USER", "MYSQL_PASSWORD", "MYSQL_DATABASE", "MYSQL_ROOT_PASSWORD"),
		uses:  `{ SPRING_DATASOURCE_URL = "jdbc:mariadb://mariadb/app", SPRING_DATASOURCE_USERNAME = "app", SPRING_DATASOURCE_PASSWORD = "%s" }`,
	},
	{
		name: "redis", images: []string{"redis", "valkey"}, pkg: "redis-server", unit: "redis-server.service", script: redisScript, port: 6379,
		data: "/var/lib/redis", secret: "REDIS_PASSWORD",
		uses: `{ SPRING_DATA_REDIS_HOST = "redis", SPRING_DATA_REDIS_PASSWORD = "%s" }`,
	},
	{
		name: "rabbitmq", images: []string{"rabbitmq"}, pkg: "rabbitmq-server", unit: "rabbitmq-server.service epmd.service epmd.socket", script: rabbitmqScript, port: 5672,
		data: "/var/lib/rabbitmq", secret: "RABBITMQ_DEFAULT_PASS", other: []variable{{name: "RABBITMQ_DEFAULT_USER", value: "app"}},
		image: named("RABBITMQ_DEFAULT_USER", "RABBITMQ_DEFAULT_VHOST"),
		uses:  `{ SPRING_RABBITMQ_HOST = "rabbitmq", SPRING_RABBITMQ_USERNAME = "app", SPRING_RABBITMQ_PASSWORD = "%s" }`,
	},
	{
		name: "mail", images: []string{"maildev", "mailpit", "mailhog", "mailcatcher"}, pkg: "python3-aiosmtpd", script: mailScript, port: 1025,
		uses: `{ SPRING_MAIL_HOST = "mail", SPRING_MAIL_PORT = "1025" }`,
	},
}

func named(names ...string) []variable {
	var all []variable
	for _, name := range names {
		all = append(all, variable{name: name})
	}
	return all
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
		case slices.Contains(l.names(), name):
			return exit.Usagef("a service in %s is called %s already; leave --with %s out", l.Dir, name, name)
		case !slices.ContainsFunc(l.with, func(w withBacking) bool { return w.service == name }):
			w := withBacking{backing: backings[i], service: name}
			if w.secret != "" {
				w.password = rand.Text()
			}
			l.with = append(l.with, w)
		}
	}
	return nil
}

// withImage adds the server that a job ran by an image, if it is one of these; its
// variables are those of the image.
func (l *Layout) withImage(j *job) bool {
	name, _, _ := strings.Cut(path.Base(j.from), ":")
	i := slices.IndexFunc(backings, func(b backing) bool { return slices.Contains(b.images, name) })
	if i < 0 || config.WrongName(j.service) != "" || slices.Contains(l.names(), j.service) {
		return false
	}
	w := withBacking{backing: backings[i], service: j.service, job: j}
	w.password = w.variable(w.secret, "")
	l.with = append(l.with, w)
	l.note("%s: Debian's %s runs in place of the image %s", j.name, w.name, j.from)
	return true
}

// variable gives a variable that the job sets.
func (w withBacking) variable(name, otherwise string) string {
	i := slices.IndexFunc(w.job.env, func(v variable) bool { return v.name == name && v.value != "" })
	if i < 0 {
		return otherwise
	}
	return w.job.env[i].value
}

func (w withBacking) base() string { return w.name + "-base" }

func (w withBacking) program() string { return "/usr/local/bin/" + w.name + "-service" }

func (w withBacking) renderBase(line printer, unprivileged bool) {
	line("\n[base.%s]", w.base())
	line(`distribution = "debian:bookworm"`)
	line("packages     = [%s]", quote(w.pkg))
	mask := ""
	if w.unit != "" {
		mask = quote("systemctl mask "+w.unit) + ", "
	}
	line("run          = [%s'''\ncat > %s <<'END OF SCRIPT'\n%sEND OF SCRIPT\nchmod 755 %s''']", mask, w.program(), w.script, w.program())
	if unprivileged {
		line("privileged   = false   # root inside is nobody outside")
	}
}

func (w withBacking) render(line printer) {
	if w.job == nil {
		line("\n# Who uses it says:")
		line("#   needs = [%s]", quote(w.name))
		line("#   env   = %s", strings.Replace(w.uses, "%s", w.password, 1))
	} else {
		line("\n# In place of the image %s of %s.", plain(w.job.from), w.job.name)
	}
	line("[service.%s]", w.service)
	line("artefacts = false")
	line("base      = %s", quote(w.base()))
	line("exec      = %s", quote(w.program()))
	var env []string
	for _, v := range w.variables() {
		env = append(env, v.name+" = "+quote(v.value))
	}
	if len(env) > 0 {
		line("env       = { %s }", strings.Join(env, ", "))
	}
	line("port      = %d", w.port)
	if w.data != "" {
		line("data      = [%s]", quote(w.data))
	}
	if w.health != "" {
		line("health    = %s", w.health)
	}
	line(`stop_timeout = "30s"`)
}

// variables gives the environment of the server: what is made for it, or what the job
// set, and what its image sets otherwise.
func (w withBacking) variables() []variable {
	env := w.other
	if w.job != nil {
		env = w.ofImage()
	}
	if w.password != "" {
		env = append(slices.Clip(env), variable{name: w.secret, value: w.password})
	}
	return env
}

func (w withBacking) ofImage() []variable {
	var env []variable
	for _, v := range w.image {
		if v.value = w.variable(v.name, v.value); v.value != "" {
			env = append(env, v)
		}
	}
	return env
}
