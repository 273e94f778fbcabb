// Package jvm knows the command lines of java: what one runs, what it says of the
// JVM, and how the same program is started from a class path and an archive of
// classes (class-data sharing).
package jvm

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// Command is a command line of a shell that runs java -jar and nothing else.
type Command struct {
	// Java is the word that names the program, as it is written.
	Java string
	// Options are those of the JVM. Open says that there are more, which only the
	// shell knows.
	Options []string
	Open    bool
	// Jar is the file to be run, as it is written: relative to Dir, or to where the
	// command is started if that is empty.
	Jar, Dir string

	line       string
	start, end int // of "-jar FILE" in line
}

// Parse reads a command line. The error says, to people, why it is none that runs
// java -jar and nothing else.
func Parse(line string) (*Command, error) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(line), "")
	if err != nil {
		return nil, fmt.Errorf("the command is not understood: %w", err)
	}
	c := &Command{line: line}
	call := c.call(file.Stmts)
	if call == nil {
		return nil, errors.New("the command does more than run java -jar")
	}
	words := call.Args
	for len(words) > 0 && (isWord(words[0], "exec") || isWord(words[0], "env")) {
		words = words[1:]
	}
	for len(words) > 0 && strings.Contains(words[0].Lit(), "=") { // of env
		words = words[1:]
	}
	if len(words) == 0 || path.Base(words[0].Lit()) != "java" {
		return nil, errors.New("the command does not run java -jar")
	}
	c.Java = words[0].Lit()
	c.Open = slices.ContainsFunc(call.Assigns, func(a *syntax.Assign) bool { return slices.Contains(variables, a.Name.Value) })
	if err := c.read(words[1:]); err != nil {
		return nil, err
	}
	return c, nil
}

// variables are those from which java takes options of its own (java(1), "JDK_JAVA_OPTIONS").
var variables = []string{"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"}

// call gives the one command that there is, after the folder that it is run in.
func (c *Command) call(all []*syntax.Stmt) *syntax.CallExpr {
	if len(all) != 1 || all[0].Negated || all[0].Background {
		return nil
	}
	switch cmd := all[0].Cmd.(type) {
	case *syntax.CallExpr:
		return cmd
	case *syntax.BinaryCmd:
		first, ok := cmd.X.Cmd.(*syntax.CallExpr)
		if !ok || cmd.Op != syntax.AndStmt || c.Dir != "" || len(first.Args) != 2 || len(first.Assigns) > 0 || !isWord(first.Args[0], "cd") {
			return nil
		}
		if c.Dir, ok = value(first.Args[1]); !ok || c.Dir == "" {
			return nil
		}
		return c.call([]*syntax.Stmt{cmd.Y})
	}
	return nil
}

// read reads the words after java.
func (c *Command) read(words []*syntax.Word) error {
	for i := 0; i < len(words); i++ {
		text, known := value(words[i])
		switch {
		case !known || strings.HasPrefix(text, "@"):
			c.Open = true
		case text == "-jar" && i+1 < len(words):
			if c.Jar, known = value(words[i+1]); !known {
				return errors.New("only the shell knows which JAR the command runs")
			}
			c.start, c.end = int(words[i].Pos().Offset()), int(words[i+1].End().Offset())
			return nil
		case !strings.HasPrefix(text, "-"):
			return errors.New("the command does not run java -jar")
		case TakesValue(text) && i+1 < len(words):
			i++
			after, known := value(words[i])
			c.Open = c.Open || !known
			c.Options = append(c.Options, text, after)
		default:
			c.Options = append(c.Options, text)
		}
	}
	return errors.New("the command does not run java -jar")
}

// separate are options whose value is the next word; see "Standard Options for
// Java" in java(1), and IsWhiteSpaceOption in the launcher's java.c.
var separate = []string{
	"-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path",
	"--add-modules", "--limit-modules", "--add-exports", "--add-opens", "--add-reads",
	"--enable-native-access", "--patch-module", "--source",
}

// TakesValue says whether the value of an option of java is the next word.
func TakesValue(option string) bool { return slices.Contains(separate, option) }

// With gives the same command with other words in place of "-jar FILE".
func (c *Command) With(words ...string) string {
	return c.line[:c.start] + shellescape.QuoteCommand(words) + c.line[c.end:]
}

func isWord(w *syntax.Word, text string) bool { return w.Lit() == text }

// value gives what a word stands for, if that can be said without running anything.
func value(w *syntax.Word) (text string, known bool) {
	known = true
	syntax.Walk(w, func(n syntax.Node) bool {
		switch n.(type) {
		case *syntax.ParamExp, *syntax.CmdSubst, *syntax.ArithmExp, *syntax.ProcSubst, *syntax.ExtGlob:
			known = false
		}
		return known
	})
	if !known {
		return "", false
	}
	all, err := expand.Fields(&expand.Config{}, w) // without one it has one for all, and writes to it
	if err != nil || len(all) != 1 {
		return "", false
	}
	return all[0], true
}
