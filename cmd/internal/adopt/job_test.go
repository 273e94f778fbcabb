package adopt

import (
	"slices"
	"strings"
	"testing"
)

func TestAJobBecomesACommand(t *testing.T) {
	for _, test := range []struct {
		name, text string
		exec, dir  string
		said       string // part of what is said; "" if nothing may be
	}{
		{"five lines", "description \"frontend\"\nstart on runlevel [2345]\nstop on runlevel [!2345]\nrespawn\nexec java -jar /frontend/F.jar server /frontend/config.yml\n",
			"java -jar /frontend/F.jar server /frontend/config.yml", "", ""},
		{"comments and lines that go on", "# a job\nstart on (started network\n  or runlevel [2345])\nexec java \\\n  -jar /a/b.jar # the JAR\n",
			"java    -jar /a/b.jar", "", ""},
		{"a script of one command", "script\n  # run it\n  exec java -jar /a/b.jar\nend script\n", "exec java -jar /a/b.jar", "", ""},
		{"a script of several", "script\n\tcd /a\n\tif [ -e x ]\n\tthen\n\t\texport X=\"1 # 2\"\n\tfi\n\texec java -jar b.jar\nend script\n",
			`set -e; cd /a; if [ -e x ]; then export X="1 # 2"; fi; exec java -jar b.jar`, "", ""},
		{"a here-document", "script\ncat <<E\nx\nE\nend script\n", "", "", "x.conf:1: script: not translated, since it has a here-document"},
		{"variables", "env A=1\nenv OPTS=\"-Xmx64m -Xss1m\"\nexec java -jar /a/b.jar\n", "java -jar /a/b.jar", "", ""},
		{"variables that the command uses", "env OPTS=\"-Xmx64m -Xss1m\"\nexec java $OPTS -jar /a/b.jar\n",
			"java $OPTS -jar /a/b.jar", "", ""},
		{"variables that another user's command uses", "env OPTS=-Xss1m\nsetuid app\nexec java $OPTS -jar /a/b.jar\n",
			`setpriv --reuid=app --regid=app --init-groups sh -ec 'exec java $OPTS -jar /a/b.jar'`, "", ""},
		{"a variable of upstart's own", "env HOME\nexec x\n", "x", "", "x.conf:1: env: not translated"},
		{"a variable that is no variable", "env a.b=1\nexec x\n", "x", "", `"a.b" is not the name of a variable`},
		{"a folder", "chdir \"/srv/a\"\nexec java -jar b.jar\n", "java -jar b.jar", "/srv/a", ""},
		{"a relative folder", "chdir a\nexec x\n", "x", "", "no absolute path"},
		{"a user", "setuid app\nexec x\n", "setpriv --reuid=app --regid=app --init-groups x", "", ""},
		{"a user that is none", "setuid \"a b\"\nexec x\n", "x", "", "not the name of a user"},
		{"a group", "setuid app\nsetgid www\nnice 5\nlimit nofile 1024 unlimited\nexec x\n",
			"prlimit --nofile=1024:unlimited nice -n 5 setpriv --reuid=app --regid=www --init-groups x", "", ""},
		{"a mask", "umask 027\nenv A=1\nexec x\n", "umask 027; x", "", ""},
		{"what goes before and after", "pre-start script\n  mkdir /x\nend script\npost-stop exec rm /y\nexec x\n", "x", "", "x.conf:1: pre-start script: not translated"},
		{"what the agent does by its own rules", "respawn limit 10 5\nexpect fork\nkill timeout 30\nexec x\n", "x", "", "x.conf:2: expect fork: not translated: the command must stay in the foreground"},
		{"what there is not", "oom score never\nexec x\n", "x", "", "x.conf:1: oom score: not translated"},
		{"a script without an end", "exec x\nscript\n", "", "", `line 2: the script has no "end script"`},
		{"an open quote", "description \"x\nexec y\n", "", "", "line 1: a quote"},
		{"control characters", "exec x \x1b[31m\n", "", "", "control characters"},
		{"no text", "exec \xff\n", "", "", "not UTF-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := translate("x.conf", test.text)
			if j.exec != test.exec || j.dir != test.dir {
				t.Errorf("exec %q in %q, want %q in %q", j.exec, j.dir, test.exec, test.dir)
			}
			said := strings.Join(j.said, "\n")
			if !strings.Contains(said, test.said) || test.said == "" && said != "" {
				t.Errorf("said is %q, want %q", said, test.said)
			}
		})
	}
}

func TestAJobsVariablesAreTheServices(t *testing.T) {
	j := translate("x.conf", "env A=1\nenv OPTS=\"-Xmx64m -Xss1m\"\nexec java $OPTS -jar /a/b.jar\n")
	if want := []variable{{"A", "1", ""}, {"OPTS", "-Xmx64m -Xss1m", ""}}; !slices.Equal(j.env, want) {
		t.Errorf("variables %q, want %q", j.env, want)
	}
}

func TestWhatAJobWritesItsOutputToIsFollowed(t *testing.T) {
	j := translate("x.conf", "setuid app\nscript\nexec java -jar /a/b.jar >>/log/a.log 2>&1\nend script\n")
	if !slices.Equal(j.logs, []string{"/log/a.log"}) || !slices.Equal(j.makes, []string{"/log"}) || !slices.Equal(j.users, []string{"app"}) {
		t.Errorf("logs %q, folders %q, users %q", j.logs, j.makes, j.users)
	}
}

func TestAScriptsMeaningDoesNotChangeOnOneLine(t *testing.T) {
	for _, test := range []struct{ name, script, want string }{
		{"pipes and lists", "a |\nb &&\nc\nd &\ne", "set -e; a | b && c; d & e"},
		{"a function", "f() {\n  a\n}\nf", "set -e; f() { a; }; f"},
		{"a loop", "for i in 1 2\ndo\n a $i\ndone", "set -e; for i in 1 2; do a $i; done"},
		{"a sharp sign in a word", "a#b ${x#y} # c", "a#b ${x#y}"},
		{"a joined line", "a \\\n  b", "a   b"},
	} {
		if got, err := oneLine(test.script); err != nil || got != test.want {
			t.Errorf("%s: %q, %v, want %q", test.name, got, err, test.want)
		}
	}
	for _, script := range []string{"", "# x", "case x in\na) b;;\nesac", "echo 'a\nb'", "echo 'a"} {
		if got, err := oneLine(script); err == nil {
			t.Errorf("%q becomes %q", script, got)
		}
	}
}
