package jvm

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParse(t *testing.T) {
	for line, want := range map[string]Command{
		"java -jar /person/person.jar":                                {Java: "java", Jar: "/person/person.jar"},
		"exec java -Xmx64m -jar person.jar server config.yml":         {Java: "java", Jar: "person.jar", Options: []string{"-Xmx64m"}},
		"cd /data && exec java -jar /person/a.jar":                    {Java: "java", Jar: "/person/a.jar", Dir: "/data"},
		`/opt/jdk/bin/java -Da="b c" -jar '/person/a b.jar' --x="$Y"`: {Java: "/opt/jdk/bin/java", Jar: "/person/a b.jar", Options: []string{"-Da=b c"}},
		`java -jar /person/my\ own.jar`:                               {Java: "java", Jar: "/person/my own.jar"},
		"java $JAVA_OPTS -jar a.jar":                                  {Java: "java", Jar: "a.jar", Open: true},
		"JAVA_TOOL_OPTIONS=-Xint java -jar a.jar":                     {Java: "java", Jar: "a.jar", Open: true},
		"env A=b java @options -jar a.jar 2>&1":                       {Java: "java", Jar: "a.jar", Open: true},
		"java --add-opens java.base/java.lang=ALL-UNNAMED -jar a.jar": {
			Java: "java", Jar: "a.jar", Options: []string{"--add-opens", "java.base/java.lang=ALL-UNNAMED"}},
	} {
		c, err := Parse(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if d := cmp.Diff(want, *c, cmpopts.IgnoreUnexported(Command{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", line, d)
		}
	}
}

func TestOnlyJavaMinusJarIsParsed(t *testing.T) {
	for line, why := range map[string]string{
		"":                                  "does more than",
		"bin/start":                         "does not run java -jar",
		"java -cp a.jar Main":               "does not run java -jar",
		"java -cp a.jar Main -jar b.jar":    "does not run java -jar",
		"java -jar":                         "does not run java -jar",
		"java -jar $JAR":                    "only the shell knows",
		"java -jar a.jar &":                 "does more than",
		"java -jar a.jar; echo done":        "does more than",
		"java -jar a.jar | tee log":         "does more than",
		"migrate && java -jar a.jar":        "does more than",
		"cd $HOME && java -jar a.jar":       "does more than",
		"cd /a && cd /b && java -jar a.jar": "does more than",
		"while :; do java -jar a.jar; done": "does more than",
		"java -jar 'a.jar":                  "is not understood",
	} {
		if c, err := Parse(line); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %+v, %v; want an error with %q", line, c, err, why)
		}
	}
}

func TestOnlyTheJarIsReplaced(t *testing.T) {
	for line, want := range map[string]string{
		"java -Xmx64m -jar a.jar server \"$X\" >/log 2>&1": "java -Xmx64m -cp '/l 1:/a.jar' Main server \"$X\" >/log 2>&1",
		"cd /data && exec java $O -jar '/a.jar'":           "cd /data && exec java $O -cp '/l 1:/a.jar' Main",
		"java -Dä=ö -jar ü.jar ß":                          "java -Dä=ö -cp '/l 1:/a.jar' Main ß",
	} {
		c, err := Parse(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
		} else if got := c.With("-cp", "/l 1:/a.jar", "Main"); got != want {
			t.Errorf("%s\nbecomes %s\nwant    %s", line, got, want)
		}
	}
}

func TestOptionsThatForbid(t *testing.T) {
	for option, forbids := range map[string]bool{
		"-javaagent:/a.jar=x": true, "-agentpath:/a.so": true, "-agentlib:hprof": true, "-Xshare:off": true, "-Xbootclasspath/p:/x": true, "-Xbootclasspath:/x": true,
		"-XX:SharedArchiveFile=/a": true, "-XX:AOTCache=/a": true, "-XX:ArchiveClassesAtExit=/a": true, "--patch-module=a=b": true,
		"-Djava.system.class.loader=X": true, "-Dloader.path=lib": true,
		"-agentlib:jdwp=transport=dt_socket": false, "-Xmx1g": false, "-Dspring.profiles.active=dev": false, "-ea": false, "-XX:+UseG1GC": false, "-Xbootclasspath/a:/x": false,
	} {
		c, err := Parse("java " + option + " -jar a.jar")
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Forbids(nil); (got == option) != forbids {
			t.Errorf("%s: %q", option, got)
		}
		plain, _ := Parse("java -jar a.jar")
		if got := plain.Forbids(map[string]string{"JAVA_TOOL_OPTIONS": "-ea " + option}); (got == option) != forbids {
			t.Errorf("%s in the environment: %q", option, got)
		}
	}
}

func TestAnArchiveIsMadeWithWhatIsAddedToTheJVM(t *testing.T) {
	c, err := Parse("java -ea -Xbootclasspath/a:/x.jar -XX:+UseZGC -jar a.jar")
	if err != nil {
		t.Fatal(err)
	}
	boot := c.Boot(map[string]string{"JDK_JAVA_OPTIONS": "-Da=b -Xbootclasspath/a:/y.jar"})
	if d := cmp.Diff([]string{"-Xbootclasspath/a:/x.jar", "-Xbootclasspath/a:/y.jar"}, boot); d != "" {
		t.Error(d)
	}
	const want = "link=\nexec java $link -Xbootclasspath/a:/x.jar -Xbootclasspath/a:/y.jar -XX:+UseZGC -Xshare:dump -XX:SharedClassListFile=/list -XX:SharedArchiveFile=/archive -cp /l.jar"
	if got := c.Dump(boot, "/l.jar", "/list", "/archive", false); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestQuickLeavesWhatIsChosen(t *testing.T) {
	const c1, serial = "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"
	for options, want := range map[string][]string{
		"": {c1, serial}, "-XX:+UseG1GC": {c1}, "-XX:+UseZGC -Xint": nil, "-XX:-TieredCompilation": {serial}, "-XX:TieredStopAtLevel=4": {serial},
		"-XX:+UseStringDeduplication": {c1, serial}, "$OPTS": nil, "@file": nil,
	} {
		c, err := Parse("java " + options + " -jar a.jar")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, c.Quick(nil)); d != "" {
			t.Errorf("%s (-want +got):\n%s", options, d)
		}
	}
}
