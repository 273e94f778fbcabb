package adopt

import (
	"maps"
	"strings"
	"testing"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

func TestHowServicesWereRunIsTakenOver(t *testing.T) {
	plainJAR := withMain(t, nil)
	for _, test := range []struct {
		name  string
		files map[string]string
		wants []string // in the file
		said  []string // all of it
	}{
		{"a Procfile of two processes of one JAR", map[string]string{
			"target/shop-1.0.jar": plainJAR, "Procfile": "web: java $JAVA_OPTS -jar target/*.jar --server.port=$PORT\nworker: java -jar ./target/shop-1.0.jar work\nrelease: ./migrate\n",
		}, []string{
			"[service.shop]\nsource = \"target\"\nfiles  = [\"*.jar\"]\nexec   = \"java $JAVA_OPTS -jar /shop/*.jar --server.port=$PORT\"   # as in Procfile:1\nenv    = { PORT = \"8080\" }\nport   = 8080",
			"[service.worker]\nsource = \"target\"\nfiles  = [\"*.jar\"]\ntarget = \"/shop\"\nexec   = \"java -jar /shop/shop-1.0.jar work\"   # as in Procfile:2",
		}, []string{"Procfile:3: release: not translated: run it by before_deploy"}},
		{"a Procfile for a system", map[string]string{
			"person/target/p.jar": plainJAR, "order/build/install/order/bin/order": "", "order/build/install/order/lib/order.jar": "",
			"Procfile": "person: java -jar person/target/p.jar\norder: order/build/install/order/bin/order -v\n",
		}, []string{`exec   = "java -jar /person/p.jar"   # as in Procfile:1`, `exec   = "/order/bin/order -v"   # as in Procfile:2`}, nil},
		{"a Procfile in the service's folder", map[string]string{"volume-a/a.jar": plainJAR, "volume-a/Procfile": "web: java -jar a.jar\n"},
			[]string{"[service.a]\nexec   = \"java -jar a.jar\"   # as in volume-a/Procfile:1"}, nil},
		{"a unit of systemd", map[string]string{
			"volume-person/person.jar": plainJAR, "volume-person/person.env": "A=1\n", "volume-db/x": "",
			"systemd/person.service": "[Unit]\nDescription=Persons\nAfter=network.target\nRequires=db.service\n[Service]\nUser=app\nWorkingDirectory=/opt/person\nEnvironment=A=1 \"B=x y\"\nEnvironmentFile=-/etc/person.env\nEnvironmentFile=/opt/person/person.env\n" +
				"LimitNOFILE=1024\nMemoryMax=512M\nCPUQuota=150%\nExecStartPre=/bin/true\nExecStart=/usr/bin/java $JAVA_OPTS \\\n  -jar person.jar --port 8085\nRestart=always\nMemoryDenyWriteExecute=no\n[Install]\nWantedBy=multi-user.target\n",
		}, []string{
			"# Persons\n", "target = \"/opt/person\"   # where its command looks for them",
			`exec   = "prlimit --nofile=1024:1024 setpriv --reuid=app --regid=app --init-groups sh -ec 'exec /usr/bin/java $JAVA_OPTS -jar person.jar --port 8085'"   # as in systemd/person.service`,
			`env    = { A = "1", B = "x y" }`, `env_file = ["person.env"]`, `memory = "512M"`, "cpus   = 1.5 ", "port   = 8085   # as its command says", `needs  = ["db"]`, "useradd --system --user-group app",
		}, []string{
			"ExecStartPre: not translated: put what has to be there", "MemoryDenyWriteExecute: not translated: there is nothing like it",
			"volume-db: no JAR is there yet",
		}},
		{"a unit in the service's folder, by another name", map[string]string{"volume-a/app.jar": plainJAR, "volume-a/shop.service": "[Service]\nExecStart=java -jar /srv/shop/app.jar\n"},
			[]string{"[service.a]\ntarget = \"/srv/shop\""}, nil},
		{"a unit of nothing that is here", map[string]string{"volume-a/app.jar": plainJAR, "other.service": "[Service]\nExecStart=/usr/sbin/other\n"},
			[]string{"[service.a]"}, []string{"other.service: not adopted, since there is no folder volume-other"}},
		{"a unit that is none", map[string]string{"volume-a/app.jar": plainJAR, "a.service": "[Service\n"},
			[]string{"[service.a]"}, []string{"a.service: not translated: "}},
		{"a Dockerfile", map[string]string{
			"shop/target/shop-1.0.jar": plainJAR,
			"shop/Dockerfile":          "FROM maven AS build\nENV X=1\nFROM eclipse-temurin:17\nENV A=1 \\\n  B=\"x y\"\nENV JAVA_OPTS -Xmx64m\nRUN apt-get install -y fonts\nCOPY target/*.jar /app.jar\nVOLUME /tmp [\"/srv/shop\"]\nEXPOSE 8085/tcp\nENTRYPOINT [\"sh\", \"-c\", \"exec java $JAVA_OPTS -jar /app.jar\"]\nCMD --debug\n",
		}, []string{
			"exec   = \"java $JAVA_OPTS -jar /shop/*.jar --debug\"   # as in shop/Dockerfile\n", `env    = { A = "1", B = "x y", JAVA_OPTS = "-Xmx64m" }`,
			"port   = 8085   # as in shop/Dockerfile", `data   = ["/srv/shop"]`,
		}, []string{"shop/Dockerfile:7: RUN: not translated: put what it makes into the base"}},
		{"a Dockerfile whose command is of another kind", map[string]string{"shop/app.jar": plainJAR, "shop/Dockerfile": "FROM x\nCMD [\"java\", \"org.springframework.boot.loader.launch.JarLauncher\"]\n"},
			[]string{"[service.shop]\nsource = \"shop\"\n\n"}, []string{"shop/Dockerfile: its command is not translated: java -jar runs what is built"}},
		{"a Dockerfile of nothing that is here", map[string]string{"volume-a/app.jar": plainJAR, "tools/Dockerfile": "FROM x\n"}, []string{"[service.a]"}, nil},
		{"a compose file whose service overrides what it merges", map[string]string{
			"shop/target/shop.jar": plainJAR, "compose.yaml": "x: &x {build: shop, command: --a}\nservices: {shop: {<<: *x, command: --b}}\n",
		}, []string{`exec   = "java -jar /shop/shop.jar --b"`}, nil},
		{"a Dockerfile below a compose file", map[string]string{
			"shop/target/shop.jar": plainJAR, "shop/Dockerfile": "FROM x\nENV A=1\nENV B=1\nENTRYPOINT [\"java\",\"-Xmx64m\",\"-jar\",\"/app.jar\"]\n",
			"compose.yaml": "services:\n  shop:\n    build: shop\n    command: --debug\n    environment: {A: 2}\n",
		}, []string{`exec   = "java -Xmx64m -jar /shop/shop.jar --debug"   # as in shop/Dockerfile`, `env    = { A = "2", B = "1" }`}, nil},
	} {
		t.Run(test.name, func(t *testing.T) { checkAdopted(t, test.files, test.wants, test.said) })
	}
}

// checkAdopted looks at what is written, and at all that is said.
func checkAdopted(t *testing.T, files map[string]string, wants, said []string) {
	t.Helper()
	l, _, text := adoptFiles(t, files)
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, want := range said {
		if !strings.Contains(strings.Join(l.Notes, "\n"), want) {
			t.Errorf("no %q is said in %q", want, l.Notes)
		}
	}
	if len(l.Notes) != len(said) {
		t.Errorf("said is %q, want %q, in\n%s", l.Notes, said, text)
	}
}

const compose = `
x-common: &common
  restart: always
  environment: &env
    LOG: "${LEVEL:-info}"
services:
  person:
    <<: *common
    build: ./person
    command: ["--debug", "a b"]
    depends_on:
      db: {condition: service_healthy}
      order: {condition: service_started}
    ports: ["127.0.0.1:8080:8085", "9090"]
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:8085/up"]
    volumes:
      - data:/var/lib/person
      - ./conf:/conf
    privileged: true
    deploy: {resources: {limits: {memory: 1.5g, cpus: "0.50"}}}
  order:
    image: eclipse-temurin:17
    volumes: ["./volume-order:/app"]
    working_dir: /app
    entrypoint: java -jar order.jar
    env_file: [common.env, ./volume-order/order.env]
    environment: [A=1, SECRET]
    ports:
    - target: 53
      published: 5353
      protocol: udp
    - {target: 8086, published: "8086"}
  db:
    image: docker.io/library/postgres:16
    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: geheim}
    ports: ["15432:5432"]
  cache:
    image: redis
  queue:
    image: rabbitmq:3-management
    environment: [RABBITMQ_DEFAULT_USER=shop, RABBITMQ_DEFAULT_PASS=hase, RABBITMQ_DEFAULT_VHOST=orders]
  old:
    image: mysql:8.0
    environment: {MYSQL_ROOT_PASSWORD: wurzel, MYSQL_DATABASE: old, MYSQL_TCP_PORT: 3306}
  post:
    image: axllent/mailpit
  search:
    image: elasticsearch:8.15.0
`

func TestAComposeFileIsTranslatedAsFarAsItGoes(t *testing.T) {
	files := map[string]string{
		"compose.yaml": compose, "person/target/person.jar": withMain(t, nil), "volume-order/order.jar": withMain(t, nil), "volume-order/order.env": "A=2\n",
	}
	l, c, text := adoptFiles(t, files)
	for _, want := range []string{
		"exec   = \"java -jar /person/person.jar --debug 'a b'\"   # as in compose.yaml:7",
		`env    = { LOG = "info" }`, "port   = 8085   # as in compose.yaml:7", `health = { path = "/up", status = ["200-399"] }   # as in compose.yaml:7`, `needs  = ["db", "order"]`, "memory = \"1536M\"   # as in compose.yaml:7\ncpus   = 0.5",
		`data   = ["/var/lib/person"]   # a volume of compose.yaml:7`,
		"[service.order]\ntarget = \"/app\"   # where its command looks for them\nexec   = \"java -jar order.jar\"", `env    = { A = "1" }`, `env_file = ["` + l.Dir + `/common.env", "order.env"]`,
		"[[publish]]\nport    = 8080\nservice = \"person\"\n", "[[publish]]\nport    = 5353\nservice = \"order\"\nto      = 53\nprotocol = \"udp\"", "[[publish]]\nport    = 8086\nservice = \"order\"\n", "[[publish]]\nport    = 15432\nservice = \"db\"\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if got := c.Service("order").Needs; len(got) > 0 {
		t.Errorf("order needs %q", got)
	}
	for _, want := range []string{
		"compose.yaml:7: conf is not translated: put what person wants there among its artefacts",
		"compose.yaml:20: privileged of person: not translated: there is nothing like it",
		"compose.yaml:28: environment of order: not translated: SECRET is of the shell that called compose: give it a value",
		"compose.yaml:34: Debian's postgresql runs in place of the image docker.io/library/postgres:16",
		"compose.yaml:38: Debian's redis runs in place of the image redis",
		"compose.yaml:40: Debian's rabbitmq runs in place of the image rabbitmq:3-management",
		"compose.yaml:43: Debian's mariadb runs in place of the image mysql:8.0",
		"compose.yaml:46: Debian's mail runs in place of the image axllent/mailpit",
		"compose.yaml:48: search: not translated: a service is no image (elasticsearch:8.15.0)",
	} {
		if !strings.Contains(strings.Join(l.Notes, "\n"), want) {
			t.Errorf("no %q is said in %q", want, l.Notes)
		}
	}
	if db, cache := c.Service("db"), c.Service("cache"); db.Artefacts || db.Base != "postgresql-base" || db.Env["POSTGRES_USER"] != "shop" ||
		db.Env["POSTGRES_PASSWORD"] != "geheim" || len(db.Env) != 2 || cache.Base != "redis-base" || len(cache.Env) > 0 {
		t.Errorf("db %+v, cache %+v", db, cache)
	}
	for name, want := range map[string]map[string]string{
		"queue": {"RABBITMQ_DEFAULT_USER": "shop", "RABBITMQ_DEFAULT_PASS": "hase", "RABBITMQ_DEFAULT_VHOST": "orders"},
		"old":   {"MYSQL_ROOT_PASSWORD": "wurzel", "MYSQL_DATABASE": "old"},
		"post":  {},
	} {
		if s := c.Service(name); s.Artefacts || !maps.Equal(s.Env, want) {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if len(l.Notes) != 9 {
		t.Errorf("said is %q, in\n%s", l.Notes, text)
	}
}

func TestNginxOfAComposeFileIsInFront(t *testing.T) {
	checkAdopted(t, map[string]string{
		"compose.yml":      "services:\n  proxy:\n    image: nginx:1.25\n    ports: ['80:8000']\n    volumes: ['./nginx/nginx.conf:/etc/nginx/nginx.conf:ro']\n  shop:\n    build: .\n",
		"nginx/nginx.conf": "http { server {\n  listen 8000;\n  location / { proxy_pass http://shop:8081; }\n} }\n", "shop/app.jar": bootJAR(t, web, map[string]string{"application.properties": "server.port=8081\n"}),
	}, []string{
		"[service.nginx]\nbase   = \"web-base\"\nsource = \"nginx\"\ntarget = \"/opt/nginx/conf\"\nexec   = \"nginx -c /opt/nginx/conf/nginx.conf -g 'daemon off;'\"\nport   = 8000",
		"needs  = [\"shop\"]", "[[publish]]\nport    = 80\nservice = \"nginx\"\n",
	}, nil)
}

func TestAComposeFileOfOneBuildIsOfItsService(t *testing.T) {
	checkAdopted(t, map[string]string{"compose.yml": "services:\n  app:\n    build: .\n    environment: {A: 1}\n", "target/shop-1.0.jar": withMain(t, nil)},
		[]string{"[service.shop]\nsource = \"target\"\nfiles  = [\"*.jar\"]\nenv    = { A = \"1\" }"}, nil)
}

func TestAServiceThatCallsItsOwnPortIsLeftAlone(t *testing.T) {
	app := bootJAR(t, web, map[string]string{"application.yml": "server.port: 8080\nissuer: http://localhost:8080/\n"})
	_, _, text := adoptFiles(t, map[string]string{"volume-a/a.jar": app, "volume-b/b.jar": app})
	if strings.Contains(text, "env ") || strings.Contains(text, "needs") {
		t.Errorf("it is led elsewhere in\n%s", text)
	}
}

func TestASystemThatRanOnOneMachineFindsItsServices(t *testing.T) {
	checkAdopted(t, map[string]string{
		"volume-shop/shop.jar":     bootJAR(t, web, map[string]string{"application.yml": "server.port: 8081\nclients:\n  person-url: http://localhost:8085/api\nissuer: http://localhost:8081/\nother: http://localhost:9999/\n"}),
		"volume-person/person.jar": bootJAR(t, web, map[string]string{"application.yml": "server.port: 8085\nspring:\n  datasource:\n    url: jdbc:postgresql://127.0.0.1:8086/x\n"}),
		"volume-front/front.jar":   withMain(t, nil), "volume-front/config.yml": "port: 8087\nshop: http://localhost:8081/\n",
		"volume-db/db.jar": withMain(t, nil), "volume-db/config.yml": "port: 8086\n",
	}, []string{
		`env    = { CLIENTS_PERSONURL = "http://person:8085/api" }   # GUESS: volume-shop/shop.jar!/BOOT-INF/classes/application.yml:3 says localhost:8085, which is the port of person`,
		"needs  = [\"person\"]", `env    = { SPRING_DATASOURCE_URL = "jdbc:postgresql://db:8086/x" }`, "needs  = [\"db\"]",
	}, []string{"volume-front/config.yml:2: localhost:8081 is the container itself; shop listens on that port: write http://shop:8081/"})
}

func TestLimitsAreReadAsTheirWritersMeanThem(t *testing.T) {
	for text, want := range map[string]string{"512m": "512M", "1.5g": "1536M", "536870912": "512M", "1Gi": "", "100kb": "", "2GiB": "2048M", "infinity": "", "x": ""} {
		if j := (&job{}); (j.limitMemory(text) == "") != (want != "") || j.memory != want {
			t.Errorf("memory %s is %q, want %q", text, j.memory, want)
		}
	}
	for text, want := range map[string]string{"0.5": "0.5", "150%": "1.5", "2": "2", "0": "", "NaN": "", "many": ""} {
		if j := (&job{}); (j.limitCPUs(text) == "") != (want != "") || j.cpus != want {
			t.Errorf("processors %s are %q, want %q", text, j.cpus, want)
		}
	}
}

// FuzzDescriptions: whatever describes how a service was run, what is written is a
// configuration.
func FuzzDescriptions(f *testing.F) {
	readers := []func(string, string) []*job{readCompose, readUnit, readProcfile, readDockerfile}
	f.Add(3, "FROM x\nENV A=1 \\\n B=2\nVOLUME /x/y\nEXPOSE 1\nENTRYPOINT [\"java\", \"-jar\", \"a\\tb.jar\"]\n")
	f.Add(0, compose)
	f.Add(0, "services: &a\n  x: &b\n    <<: *b\n    environment: *a\n  <<: *a\n")
	f.Add(1, "[Service]\nUser=x\nEnvironment=A=\"b\\nc\"\nExecStart=java -jar /a/a.jar >>/x/y.log\nLimitCORE=infinity\n")
	f.Add(2, "web: java -jar a.jar $PORT\nx: y\n")
	f.Fuzz(func(t *testing.T, kind int, content string) {
		if len(content) > 1<<14 || kind < 0 || kind >= len(readers) {
			return
		}
		s := &service{name: "a", source: "volume-a", folder: folder{name: "volume-a", files: []string{"a.jar"}}, runs: archive{name: "a.jar"}}
		s.target.value = "/a"
		l := &Layout{Dir: "/host", services: []*service{s}, jobs: readers[kind]("a.x", content)}
		l.complete()
		if _, err := config.Parse("config.toml", []byte(l.TOML())); err != nil {
			t.Fatalf("%v in\n%s", err, l.TOML())
		}
	})
}
