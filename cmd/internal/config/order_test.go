package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const diamond = `
[service.top]
port = 1
needs = ["left", "right"]
[service.right]
port = 1
needs = ["bottom"]
[service.left]
port = 1
needs = ["bottom"]
[service.alone]
port = 1
[service.bottom]
port = 1
`

func TestOrderPutsNeedsFirstAndKeepsTheFilesOrderOtherwise(t *testing.T) {
	got := parse(t, diamond).Order()
	if diff := cmp.Diff([]string{"bottom", "left", "right", "top", "alone"}, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestRuns(t *testing.T) {
	for _, c := range []struct{ name, exec, want string }{
		{"the default command runs the one JAR", "", "*"},
		{"an absolute JAR is named below the target", "java -jar /web/lib/App.jar server", "lib/App.jar"},
		{"a relative JAR is below the target already", "java -jar ./App.jar", "App.jar"},
		{"options before -jar are passed over", "java -Xmx1g -XX:+UseSerialGC -Da=b -jar /web/App.jar", "App.jar"},
		{"options with a value of their own are too", "java --add-modules java.sql -cp /x -jar App.jar", "App.jar"},
		{"the path of java does not matter", "/usr/lib/jvm/bin/java -jar App.jar", "App.jar"},
		{"exec, env and variables come before it", "exec env A=1 B='x y' java -jar App.jar", "App.jar"},
		{"quotes are taken off", `java '-Dname=a b' -jar "/web/My App.jar"`, "My App.jar"},
		{"a backslash keeps a space", `java -jar /web/My\ App.jar`, "My App.jar"},
		{"a backslash in quotes stays before a letter", `java -jar "/web/a\b.jar"`, `a\b.jar`},
		{"dots are resolved", "java -jar /web/x/../App.jar", "App.jar"},
		{"a main class is no JAR, whatever follows", "java com.example.Main -jar App.jar", ""},
		{"a module is none either", "java -p lib -m app/Main -jar App.jar", " lib/"},
		{"a JAR outside the target is not ours to check", "java -jar /opt/agent.jar", ""},
		{"a JAR beside the target is outside", "java -jar /web2/App.jar", ""},
		{"a way up leads outside", "java -jar ../App.jar", ""},
		{"another program is no java", "nginx -c /web/nginx.conf", ""},
		{"-jar without its JAR is none", "java -jar", ""},
		{"variables among the options are passed over", "java $OPTIONS ${MORE} -jar App.jar", "App.jar"},
		{"a variable in double quotes is one", `java "-Dx=$X" -jar App.jar`, "App.jar"},
		{"a JAR that a variable names is known to the shell alone", "java -jar $NAME.jar", ""},
		{"what only the shell knows is none", "java $(options) -jar App.jar", ""},
		{"where output goes does not matter", "java -jar App.jar server >/log/app.log 2>&1", "App.jar"},
		{"nor with no space before it", "java -jar App.jar>/log/app.log", "App.jar"},
		{"a pattern is one", "java -jar /web/*.jar", "*.jar"},
		{"an executable WAR is run the same way", "java -jar app.war", "app.war"},
		{"a JAR in a folder is named with it", "java -jar quarkus-app/quarkus-run.jar", "quarkus-app/quarkus-run.jar"},
		{"an agent belongs to it", "java -javaagent:otel.jar=x -cp y.jar -jar App.jar", "App.jar otel.jar"},
		{"every entry of the class path has to be there", `java -cp "classes:lib/*:app.jar:/opt/x.jar:." Main`, " classes/ lib/*.[jJ][aA][rR] app.jar"},
		{"so has that of the module path", "java --module-path=mods/ --add-modules x -m app/Main", " mods/"},
		{"a start script is what runs", "bin/app server", " bin/app"},
		{"in the target by its whole name, too", "exec /web/bin/app", " bin/app"},
		{"elsewhere it is not ours", "/usr/sbin/nginx -c /web/nginx.conf", ""},
		{"a script of an interpreter is", "sh -eu run.sh x", " run.sh"},
		{"an interpreter may have none", "python3 -m http.server", ""},
		{"a dollar in single quotes is text", `java '-Dx=$X' -jar App.jar`, "App.jar"},
		{"a command that runs in another folder is one", "cd /data && exec java -jar /web/App.jar", "App.jar"},
		{"what is relative there is not ours", "cd /data && exec java -jar App.jar", ""},
		{"two commands are the shell's business", "cd /tmp && java -jar App.jar", ""},
		{"an open quote is the shell's error", "java -jar 'App.jar", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := &Config{Services: []Service{{Name: "web", Target: "/web", Exec: c.exec}}}
			jar, parts := config.Runs("web")
			if got := strings.Join(append([]string{jar}, parts...), " "); got != c.want {
				t.Errorf("Runs of %q is %q, want %q", c.exec, got, c.want)
			}
		})
	}
	if got, parts := new(Config).Runs("nobody"); got != "" || parts != nil {
		t.Errorf("Runs of an unknown service is %q", got)
	}
}

func TestWhatIsKnownOrdersNothing(t *testing.T) {
	c := parse(t, `[service.a]
port = 1
needs = ["payments"]
knows = ["b", "a"]
[service.b]
port = 2
needs = ["a"]
knows = ["b"]
[external.payments]
address = "db.example.com:9000"
`)
	if got := c.Order(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("order %q", got)
	}
	needs, knows := c.Names(c.Service("a"))
	if len(needs) > 0 || !slices.Equal(knows, []string{"b", "a", "payments"}) {
		t.Errorf("a needs %q and knows %q", needs, knows)
	}
	if needs, _ := c.Names(c.Service("b")); !slices.Equal(needs, []string{"a"}) {
		t.Errorf("b needs %q", needs)
	}
}
