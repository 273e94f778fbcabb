package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAServicesEnvGoesBeforeThatOfAll(t *testing.T) {
	c, err := Parse("config.toml", []byte(`[env]
LEVEL = "info"
ZONE  = "UTC"
[service.web]
port = 8080
env = { LEVEL = "debug", EMPTY = "", "LINES" = """
one
	'two'""" }
[service.api]
port = 8081
[service.api.env]
KEY = "a b"
`))
	if err != nil {
		t.Fatal(err)
	}
	for service, want := range map[string]map[string]string{
		"web": {"LEVEL": "debug", "ZONE": "UTC", "EMPTY": "", "LINES": "one\n\t'two'"},
		"api": {"LEVEL": "info", "ZONE": "UTC", "KEY": "a b"},
	} {
		if diff := cmp.Diff(want, c.Service(service).Environment); diff != "" {
			t.Errorf("%s (-want +got):\n%s", service, diff)
		}
	}
}

func TestWrongVariables(t *testing.T) {
	refuses(t, []wrong{
		{"a name with dots, which TOML takes for tables",
			`[service.web]
port = 8080
[service.web.env]
spring.datasource.url = "jdbc:secret"
`,
			`config.toml:4:1: service.web.env.spring: "spring.datasource.url" is not the name of a variable; Spring and Quarkus read SPRING_DATASOURCE_URL for it`},
		{"a name with dots in quotes",
			`[env]
"server.error-page" = "secret"
[service.web]
port = 8080
`,
			`config.toml:2:1: env."server.error-page": "server.error-page" is not the name of a variable; Spring and Quarkus read SERVER_ERRORPAGE for it`},
		{"a name that begins with a digit",
			`[env]
1ST = "secret"
[service.web]
port = 8080
`,
			`config.toml:2:1: env.1ST: "1ST" is not the name of a variable; use letters, digits and _, as in LOG_LEVEL`},
		{"a number",
			`[service.web]
port = 8080
env = { SIZE = 5 }
`,
			`config.toml:3:9: service.web.env.SIZE: must be a string like "debug", not a whole number`},
		{"a list of assignments",
			`[service.web]
port = 8080
env = ["SIZE=5"]
`,
			`config.toml:3:1: service.web.env: must be a table like { LOG_LEVEL = "debug" }, not a list`},
		{"a control character",
			`[env]
A = "\u001bsecret"
[service.web]
port = 8080
`,
			`config.toml:2:1: env.A: contains the control character U+001B; remove it`},
		{"a value that no process can be given",
			"[env]\nA = \"" + strings.Repeat("x", 128<<10) + "\"\n[service.web]\nport = 8080\n",
			`config.toml:2:1: env.A: is longer than the 128 KiB that a process can be given; put it into a file`},
	})
}

func TestAServiceWithoutArtefacts(t *testing.T) {
	c, err := Parse("config.toml", []byte(`[service.db]
artefacts = false
exec = "postgres"
port = 5432
`))
	if err != nil {
		t.Fatal(err)
	}
	if s := c.Service("db"); s.Artefacts || s.Source != "" || s.Target != "" {
		t.Errorf("%+v", s)
	}
	refuses(t, []wrong{
		{"nothing to run",
			`[service.db]
artefacts = false
port = 5432
`,
			`config.toml:1:10: service.db.exec: missing; a service with artefacts = false runs what its base holds: add exec, the command that does`},
		{"files of artefacts",
			`[service.db]
artefacts = false
port = 5432
exec = "postgres"
source = "volume-db"
files = ["*"]
target = "/db"
`,
			`config.toml:5:1: service.db.source: is about artefacts, of which artefacts = false says that there are none; leave one of the two out
config.toml:6:1: service.db.files: is about artefacts, of which artefacts = false says that there are none; leave one of the two out
config.toml:7:1: service.db.target: is about artefacts, of which artefacts = false says that there are none; leave one of the two out`},
	})
}
