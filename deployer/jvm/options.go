package jvm

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"
)

// Forbids gives the first option that keeps a program from being started from a
// class path with an archive, in the command or in what the environment adds to it;
// "" if there is none. An agent may change classes before they are loaded, and the others
// choose archives, or how classes are found, themselves.
func (c *Command) Forbids(env map[string]string) string {
	for _, option := range c.options(env) {
		if forbidden.MatchString(option) && !strings.HasPrefix(option, "-agentlib:jdwp") {
			return option
		}
	}
	return ""
}

var forbidden = regexp.MustCompile(`^(-javaagent:|-agentlib:|-agentpath:|-Xshare:(off|dump)|-Xbootclasspath(:|/p:)|` +
	`-XX:(SharedArchiveFile|SharedClassListFile|ArchiveClassesAtExit|DumpLoadedClassList|AOT|\+AOT|\+AutoCreateSharedArchive|CRaC|Flags=|VMOptionsFile=)|` +
	`--(patch-module|upgrade-module-path|module-path|module)\b|-p$|-m$|-Djava\.system\.class\.loader=|-Dloader\.)`)

// options are those of the command and of the environment, as far as they are known.
func (c *Command) options(env map[string]string) []string {
	all := slices.Clone(c.Options)
	for _, name := range variables {
		all = append(all, strings.Fields(env[name])...)
	}
	return all
}

// Boot gives the options that add to the classes of the JVM itself. They have to be the
// same when an archive is made and when it is used.
func (c *Command) Boot(env map[string]string) []string {
	return slices.DeleteFunc(c.options(env), func(option string) bool { return !strings.HasPrefix(option, "-Xbootclasspath/a:") })
}

// Quick gives options for a start that is short: the compiler that is fast to
// compile, and the collector that starts no threads; each where the command has not
// chosen itself.
func (c *Command) Quick(env map[string]string) []string {
	if c.Open {
		return nil
	}
	all := c.options(env)
	var quick []string
	if !slices.ContainsFunc(all, compiler.MatchString) {
		quick = append(quick, "-XX:TieredStopAtLevel=1")
	}
	if !slices.ContainsFunc(all, collector.MatchString) {
		quick = append(quick, "-XX:+UseSerialGC")
	}
	return quick
}

var (
	compiler  = regexp.MustCompile(`^(-XX:(TieredStopAtLevel|CompilationMode|[+-]TieredCompilation|[+-](Use|Enable)JVMCI)|-X(int|comp|mixed)$|-server$|-client$)`)
	collector = regexp.MustCompile(`^-XX:\+Use\w*GC$`)
)

// Record is the option by which a JVM writes the names of the classes that it loads
// to a file.
func Record(file string) string { return "-XX:DumpLoadedClassList=" + file }

// Use is the option by which a JVM takes classes out of an archive. One that does not
// fit is passed over without a word.
func Use(archive string) string { return "-XX:SharedArchiveFile=" + archive }

// Dump gives a script for sh(1) that makes an archive of the classes in a list, for class paths
// that begin with classPath. It has the options of the JVM that have to be the same when the
// archive is used, beside those of the command those in also. linked has the classes linked too, where the JDK can (24 and later):
// such an archive is of no use to a JVM whose options change modules.
func (c *Command) Dump(also []string, classPath, list, archive string, linked bool) string {
	words := slices.Clone(also)
	for _, option := range c.Options {
		if strings.HasPrefix(option, "-XX:") {
			words = append(words, option)
		}
	}
	words = append(words, "-Xshare:dump", "-XX:SharedClassListFile="+list, Use(archive), "-cp", classPath)
	link := ""
	if linked {
		link = fmt.Sprintf("if %s %s -version; then link=%[2]s; fi >/dev/null 2>&1\n", c.Java, linking)
	}
	return "link=\n" + link + "exec " + c.Java + " $link " + shellescape.QuoteCommand(words)
}

const linking = "-XX:+AOTClassLinking"

// Modules says whether options change what modules the JVM knows.
func Modules(options []string) bool {
	return slices.ContainsFunc(options, func(o string) bool {
		return strings.HasPrefix(o, "--add-") || strings.HasPrefix(o, "--limit-modules") || strings.HasPrefix(o, "--enable-native-access")
	})
}
