package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/jarloop/jarloop/cmd/internal/lab/apps"
	"github.com/jarloop/jarloop/deployer/jars"
)

// whole is an application that is run by java -jar and taken apart, side by side.
type whole struct {
	name  string
	jar   string
	args  string // that follow the JAR
	java  string // options of java
	port  int
	urls  []string
	plain bool // it cannot be taken apart
}

var wholes = []whole{
	{name: "boot-h2", jar: "boot-h2-1.jar", port: 8080, urls: []string{"/", "/visits", "/actuator/health", "/no-such"}},
	{name: "boot-war", jar: "boot-war-1.war", port: 8080, urls: []string{"/", "/no-such"}},
	{name: "clinic", jar: "clinic-1.jar", port: 8080, urls: []string{
		"/", "/?lang=de", "/owners", "/owners?page=2", "/owners/1", "/owners/new", "/owners/1/pets/new", "/vets", "/vets.html",
		"/oops", "/no-such", "/actuator/health", "/actuator/info", "/actuator/caches", "/webjars/bootstrap/dist/css/bootstrap.min.css",
	}},
	{name: "dropwizard", jar: "dropwizard-1.jar", args: "server app.yml", java: "-Ddw.database=jdbc:h2:mem:visits -Ddw.logging.appenders[1].currentLogFilename=/dev/null", port: 8080, urls: []string{"/", "/visits", "/no-such"}},
	{name: "javalin", jar: "javalin-1.jar", port: 7070, urls: []string{"/", "/no-such"}},
	{name: "micronaut", jar: "micronaut-1.jar", java: "-Dlogback.configurationFile=$PWD/../logback.xml", port: 8280, urls: []string{"/", "/no-such"}},
	{name: "onejar", jar: "onejar.jar", args: "server app.yml", port: 8480, urls: []string{"/", "/persons", "/no-such"}},
	{name: "quarkus", jar: "quarkus-run.jar", port: 8180, urls: []string{"/", "/no-such"}, plain: true},
	{name: "vertx", jar: "vertx-1.jar", port: 8888, urls: []string{"/"}},
}

// seen is what is to be the same.
type seen struct {
	Answers []string
	Facts   []string // that the program finds of its class path
	Printed []string // beside these
}

// TestApplicationsSeeTheSameApart compares what applications of public frameworks answer,
// print and find on their class path, run by java -jar, and taken apart with an archive of
// the classes of their libraries.
func TestApplicationsSeeTheSameApart(t *testing.T) {
	if os.Getenv("JARLOOP_APPS") == "" {
		t.Skip("make apps runs this: the builds want libraries from a registry")
	}
	for _, w := range wholes {
		t.Run(w.name, w.test)
	}
}

func (w whole) test(t *testing.T) {
	s := newLab(t, false)
	folder := w.build(s)
	split, err := jars.Open(s.ctx, jars.Source{Dir: folder, Name: w.jar}, jars.Known{})
	var refused *jars.Refused
	if errors.As(err, &refused) {
		if !w.plain {
			t.Fatalf("cannot be taken apart: %v", err)
		}
		return
	}
	must(t, err)
	if w.plain {
		t.Fatal("can be taken apart by now; compare it")
	}
	t.Cleanup(func() { must(t, split.Close()) })
	s.write(filepath.Join(s.Dir, "names"), strings.Join(namesOf(t, folder), "\n")+"\n")
	s.write(filepath.Join(s.Share, "logback.xml"), quietly)
	plain, _ := w.observe(s, folder, "-jar "+w.jar)
	again, _ := w.observe(s, folder, "-jar "+w.jar)
	plain.Printed = stable(plain.Printed, again.Printed)

	libraries := w.takeApart(s, folder, split)
	options := strings.Join(split.Options, " ")
	list, archive := filepath.Join(s.Dir, "classes"), filepath.Join(s.Dir, "libraries.jsa")
	command := fmt.Sprintf(" %s -cp %s:%s %s", options, libraries, w.jar, split.Main)
	w.observe(s, folder, "-XX:DumpLoadedClassList="+list+command)
	dump := exec.CommandContext(s.ctx, "sh", "-c", fmt.Sprintf("java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:dump -XX:SharedClassListFile=%s -XX:SharedArchiveFile=%s %s -cp %s", list, archive, options, libraries))
	if out, err := dump.CombinedOutput(); err != nil {
		t.Fatalf("make an archive: %v: %s", err, out)
	}
	apart, maps := w.observe(s, folder, "-XX:SharedArchiveFile="+archive+command)
	if !strings.Contains(maps, archive) {
		t.Error("the JVM does not use the archive")
	}
	facts, lines := len(plain.Facts), len(plain.Printed)
	// What is new must not be printed by any other start.
	more := without(without(apart.Printed, plain.Printed), again.Printed)
	apart.Printed = append(stable(plain.Printed, apart.Printed), more...)
	plain.Facts, apart.Facts = w.differing(plain.Facts, apart.Facts)
	if diff := cmp.Diff(plain, apart); diff != "" {
		t.Errorf("java -jar, and apart:\n%s", diff)
	}
	if facts < 10 || lines == 0 && w.name != "vertx" {
		t.Errorf("%d facts, %d lines: too few to compare anything", facts, lines)
	}
	t.Logf("%s: %d libraries; %d answers, %d facts and %d lines compared", split.Kind, len(split.Libraries), len(plain.Answers), facts, lines)
}

// quietly is a configuration of Logback without what is told of each class.
const quietly = `<configuration><appender name="A" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%level %logger %msg%n</pattern></encoder></appender>
<root level="INFO"><appender-ref ref="A"/></root></configuration>
`

// stable gives the lines of one start that are among those of another, each as often.
func stable(of, among []string) []string {
	left := map[string]int{}
	for _, line := range among {
		left[line]++
	}
	var both []string
	for _, line := range of {
		if left[line] > 0 {
			left[line]--
			both = append(both, line)
		}
	}
	return both
}

// What deployer/jars says to be different from java -jar: Spring Boot's loader reads no
// versions of a library that has no entries for folders, and brings a file system of its
// own; one-jar's gives what is there more than once in an order that is nobody's.
var (
	unread  = regexp.MustCompile(`^fact .*\.class = (null, ){5}false$`)
	own     = "fact META-INF/services/java.nio.file.spi.FileSystemProvider = "
	several = regexp.MustCompile(`\[.*\]$`)
)

// without gives the lines that are not among others.
func without(lines, others []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return slices.Contains(others, line) })
}

// differing gives the facts that differ and are not said to do so.
func (w whole) differing(plain, apart []string) (was, is []string) {
	if len(plain) != len(apart) {
		return plain, apart
	}
	for i := range plain {
		boot := strings.HasPrefix(w.name, "boot") || w.name == "clinic"
		switch {
		case plain[i] == apart[i]:
		case boot && (unread.MatchString(plain[i]) || strings.HasPrefix(plain[i], own)):
		case w.name == "onejar" && inOrder(plain[i]) == inOrder(apart[i]):
		default:
			was, is = append(was, plain[i]), append(is, apart[i])
		}
	}
	return was, is
}

// inOrder gives a fact with what is there more than once in one order.
func inOrder(fact string) string {
	return several.ReplaceAllStringFunc(fact, func(list string) string {
		sums := strings.Split(strings.Trim(list, "[]"), ", ")
		slices.Sort(sums)
		return strings.Join(sums, ", ")
	})
}

var (
	mainMethod = regexp.MustCompile(`public static void main\(String\[\] args\)[^{]*\{`)
	pagesClass = regexp.MustCompile(`public class Pages \{`)
)

// build builds the application with the class that prints facts, and gives the folder of
// its artefacts.
func (w whole) build(s *system) string {
	s.t.Helper()
	app, err := apps.Find(checkout, w.name)
	must(s.t, err)
	source := filepath.Join(s.Dir, "source")
	must(s.t, app.CopySource(s.ctx, source))
	s.write(filepath.Join(source, "src/main/java/apps/Facts.java"), s.readAt("testdata/facts/Facts.java"))
	edited := 0
	must(s.t, filepath.WalkDir(filepath.Join(source, "src"), func(path string, d os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".java" {
			return err
		}
		text := s.readAt(path)
		with := mainMethod.ReplaceAllString(text, "$0 apps.Facts.print();")
		with = pagesClass.ReplaceAllString(with, "$0 static { apps.Facts.print(); }")
		if with != text {
			edited++
			s.write(path, with)
		}
		return nil
	}))
	if edited != 1 {
		s.t.Fatalf("%d classes call for facts", edited)
	}
	must(s.t, app.Build(s.ctx, source, s.Share))
	return filepath.Join(s.Share, "volume-"+w.name)
}

// takeApart writes the libraries, and the application's part in place of the JAR, and
// gives the class path of the former.
func (w whole) takeApart(s *system, folder string, split *jars.Split) string {
	s.t.Helper()
	var all []string
	for _, l := range split.Libraries {
		path := filepath.Join(s.Dir, "libraries", l.Name)
		must(s.t, os.MkdirAll(filepath.Dir(path), 0o755))
		writeBy(s, path, func(ctx context.Context, to io.Writer) error { return split.WriteLibrary(ctx, l, to) })
		all = append(all, path)
	}
	part := filepath.Join(s.Dir, "part.jar")
	writeBy(s, part, split.WriteApp)
	must(s.t, os.Rename(part, filepath.Join(folder, w.jar)))
	return strings.Join(all, ":")
}

func writeBy(s *system, path string, write func(context.Context, io.Writer) error) {
	s.t.Helper()
	f, err := os.Create(path)
	must(s.t, err)
	must(s.t, write(s.ctx, f))
	must(s.t, f.Close())
}

// observe runs java on the laptop until it has answered all, and gives what it did, and
// the mappings of its memory.
func (w whole) observe(s *system, folder, command string) (seen, string) {
	s.t.Helper()
	var printed strings.Builder
	line := strings.Join([]string{"exec env FACTS=" + filepath.Join(s.Dir, "names"), "java -XX:+UseSerialGC -XX:TieredStopAtLevel=1", w.java, command, w.args}, " ")
	cmd := s.Laptop(s.ctx, "sh", "-c", "cd "+folder+" && "+line)
	cmd.Stdout, cmd.Stderr = &printed, &printed
	must(s.t, cmd.Start())
	ended := make(chan struct{})
	var status error
	go func() {
		defer close(ended)
		status = cmd.Wait()
	}()
	var all seen
	client := s.Client(false)
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		answer, err := answerOf(client, w.port, w.urls[0])
		if err == nil && strings.Contains(answer, "version 1") {
			break
		}
		select {
		case <-ended:
			s.t.Fatalf("%s: %v: %s", line, status, printed.String())
		default:
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			<-ended
			s.t.Fatalf("%s: answers %q, %v: %s", line, answer, err, printed.String())
		}
	}
	for _, url := range w.urls {
		answer, err := answerOf(client, w.port, url)
		if err != nil {
			s.t.Errorf("%s: %v", url, err)
		}
		all.Answers = append(all.Answers, url+": "+inGeneral(answer))
	}
	maps := s.readAt(fmt.Sprintf("/proc/%d/maps", cmd.Process.Pid))
	must(s.t, cmd.Process.Signal(syscall.SIGTERM))
	<-ended
	for line := range strings.Lines(printed.String()) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "fact ") {
			all.Facts = append(all.Facts, line)
		} else if line != "" && !strings.HasPrefix(line, "[Boot] ") && !strings.HasPrefix(line, "[JarClassLoader] ") { // of one-jar itself
			all.Printed = append(all.Printed, inGeneral(line))
		}
	}
	slices.Sort(all.Printed) // threads print in any order
	return all, maps
}

func answerOf(client *http.Client, port int, url string) (string, error) {
	response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", port, url))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return fmt.Sprintf("%s, %s: %s", response.Status, response.Header.Get("Content-Type"), body), err
}

// particular is what differs from start to start, or by where a class comes from, which
// Logback appends to the lines of a stack trace: times, durations, process IDs,
// addresses of objects and sessions, and the temporary folder of a server.
var particular = regexp.MustCompile(` ~?\[[^\[\]]*\]$|@\d+ms|processId: \d+|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]*Z?|\[?\d\d/[A-Z][a-z]{2}/\d{4}:[\d: +]+\]?|\d\d:\d\d:\d\d[.,]\d+|\b\d+([.,]\d+)? ?(ms|s|seconds|milliseconds)\b|PID \d+|INFO \d+|WARN \d+|ERROR \d+|@[0-9a-f]{4,}|[0-9A-F]{32}|tomcat[-.\d]+|-exec-\d+|"time":"[^"]*"|\d+$|\([^()]*\d+\.\d+[^()]*\)|\[[^\]]*(worker|exec|qtp|dw-|eventloop)[^\]]*\]`)

func inGeneral(text string) string { return particular.ReplaceAllString(text, "*") }
