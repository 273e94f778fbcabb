package network

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// rule is the arguments of one rule, after the name of its chain.
type rule []string

// tables is what iptables-save prints, by table. A table that nobody has used
// yet is missing.
type tables map[string]*table

// table is the chains of one table in order, each with its rules.
type table struct {
	chains []string
	rules  map[string][]rule
	policy map[string]string // ACCEPT or DROP; "-" for chains that are not the kernel's
}

func newTable() *table { return &table{rules: map[string][]rule{}, policy: map[string]string{}} }

func (t *table) has(chain string) bool {
	return t != nil && slices.Contains(t.chains, chain)
}

func (t *table) in(chain string) []rule {
	if t == nil {
		return nil
	}
	return t.rules[chain]
}

// parseTables reads what iptables-save prints:
//
//	*nat
//	:PREROUTING ACCEPT [0:0]
//	:JARLOOP - [0:0]
//	-A PREROUTING -m comment --comment jarloop -j JARLOOP
//	COMMIT
func parseTables(save []byte) (tables, error) {
	all := tables{}
	var now *table
	lines := bufio.NewScanner(bytes.NewReader(save))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case line == "" || line[0] == '#' || line == "COMMIT":
		case line[0] == '*':
			now = newTable()
			all[strings.TrimSpace(line[1:])] = now
		case now == nil:
			return nil, fmt.Errorf("read rules: %q stands in no table", line)
		case line[0] == ':':
			chain, policy, _ := strings.Cut(line[1:], " ")
			policy, _, _ = strings.Cut(policy, " ")
			now.chains = append(now.chains, chain)
			now.policy[chain] = policy
		default:
			words := splitWords(line)
			if len(words) > 0 && strings.HasPrefix(words[0], "[") {
				words = words[1:] // counters, with -c
			}
			if len(words) < 2 || words[0] != "-A" {
				return nil, fmt.Errorf("read rules: %q is no rule", line)
			}
			now.rules[words[1]] = append(now.rules[words[1]], words[2:])
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	return all, nil
}

// splitWords takes a line of iptables-save apart. A word that holds anything
// but letters, digits and a few signs is in double quotes there, in which a
// backslash makes the next character plain (xtables_save_string).
func splitWords(line string) []string {
	var words []string
	var word strings.Builder
	quoted, open := false, false // open: there is a word, maybe an empty one
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '"':
			quoted, open = !quoted, true
		case c == '\\' && quoted && i+1 < len(line):
			i++
			word.WriteByte(line[i])
		case c == ' ' && !quoted:
			if open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteByte(c)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words
}

// after gives the word after an option, or the empty string.
func (r rule) after(options ...string) string {
	for i, word := range r[:max(0, len(r)-1)] {
		if slices.Contains(options, word) {
			return r[i+1]
		}
	}
	return ""
}

// target is the chain that the rule jumps to, or what becomes of the packet.
func (r rule) target() string { return r.after("-j", "-g", "--jump", "--goto") }

func (r rule) comment() string { return r.after("--comment") }

// equal says whether two rules do the same and have the same comment. Versions
// of iptables differ in the order of options and in how much they spell out.
func (r rule) equal(other rule) bool { return r.normal() == other.normal() }

// normal gives the options of the rule in one spelling and order.
func (r rule) normal() string {
	var options []string
	for i := 0; i < len(r); {
		n := i + 1
		if r[i] == "!" && n < len(r) {
			n++
		}
		for n < len(r) && r[n] != "!" && !strings.HasPrefix(r[n], "-") {
			n++
		}
		if o := normalOption(r[i:n]); o != "" {
			options = append(options, o)
		}
		i = n
	}
	slices.Sort(options)
	return strings.Join(options, "\x00")
}

func normalOption(words []string) string {
	words = slices.Clone(words)
	last := len(words) - 1
	switch option := words[max(0, last-1)]; option {
	case "-m":
		if words[last] == "tcp" || words[last] == "udp" { // -p implies it
			return ""
		}
	case "-p":
		switch words[last] {
		case "6":
			words[last] = "tcp"
		case "17":
			words[last] = "udp"
		}
	case "-s", "-d":
		words[last] = strings.TrimSuffix(words[last], "/32")
	case "--ctstate":
		states := strings.Split(words[last], ",")
		slices.Sort(states)
		words[last] = strings.Join(states, ",")
	}
	return strings.Join(words, " ")
}

// String writes the rule as a person would type it: what a shell would act on
// is in quotes, and what it would act on in quotes has a backslash. So
// iptables-restore reads it, too.
func (r rule) String() string {
	words := slices.Clone([]string(r))
	for i, word := range words {
		if word == "" || word != "!" && strings.ContainsFunc(word, special) {
			words[i] = `"` + inQuotes.Replace(word) + `"`
		}
	}
	return strings.Join(words, " ")
}

var inQuotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`")

func special(c rune) bool {
	return c <= ' ' || c > '~' || strings.ContainsRune("\"'\\:;$&|<>()`*?[]{}#~!", c)
}
