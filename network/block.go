package network

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// The marks are plain ASCII, because old guests have tools that stumble over
// anything else in /etc/hosts.
//
//	127.0.0.1	localhost
//	# jarloop: begin - lines to the end mark are replaced by jarloop
//	10.0.3.130	person	# jarloop
//	# jarloop: end
const (
	blockBegin = "# jarloop: begin"
	blockEnd   = "# jarloop: end"
	lineMark   = "\t# jarloop"

	begin = blockBegin + " - lines to the end mark are replaced by jarloop"
	// beginJoined remembers that the file did not end with a newline, and that
	// the one before this mark goes when the block does.
	beginJoined = blockBegin + ", after a line without its newline - lines to the end mark are replaced by jarloop"
)

// replaceBlock gives the content of a hosts file with the marked block holding
// exactly names, in order, or with no block if there are none. The names and
// addresses must be ones that SetHosts accepts.
//
// A new block goes to the end, one that is there is replaced where it stands.
// All other bytes stay, so that removing a block gives the content that there
// was before it was added. The one exception is lines between the two marks,
// which are the block's whatever they say.
//
// Marks that somebody has harmed are repaired without taking lines of others:
//
//   - of several blocks the first is replaced and the others go;
//   - a begin mark without its end mark goes with those lines directly after
//     it that bear the mark of the block's own lines;
//   - an end mark without its begin mark goes with such lines directly before.
func replaceBlock(content []byte, names map[string]netip.Addr) []byte {
	lines := bytes.SplitAfter(content, []byte("\n"))
	blocks := findBlocks(lines)
	if len(blocks) == 0 {
		return appendBlock(content, names)
	}
	first := blocks[0]
	head := bytes.Join(lines[:first.from], nil)
	var tail []byte
	for i, b := range blocks {
		next := len(lines)
		if i+1 < len(blocks) {
			next = blocks[i+1].from
		}
		foreign := bytes.Join(lines[b.to:next], nil)
		if i > 0 && b.joined && len(foreign) == 0 && next == len(lines) {
			tail = unjoin(tail)
		}
		tail = append(tail, foreign...)
	}
	if len(names) == 0 && first.joined && len(tail) == 0 {
		head = unjoin(head)
	}
	return slices.Concat(head, renderBlock(names, first.joined), tail)
}

func appendBlock(content []byte, names map[string]netip.Addr) []byte {
	if len(names) == 0 {
		return content
	}
	if len(content) > 0 && content[len(content)-1] != '\n' {
		return slices.Concat(content, []byte("\n"), renderBlock(names, true))
	}
	return slices.Concat(content, renderBlock(names, false))
}

// unjoin takes the newline away that appendBlock added. It added none to an
// empty line.
func unjoin(content []byte) []byte {
	n := len(content) - 1
	if n > 0 && content[n] == '\n' && content[n-1] != '\n' {
		return content[:n]
	}
	return content
}

func renderBlock(names map[string]netip.Addr, joined bool) []byte {
	if len(names) == 0 {
		return nil
	}
	var b bytes.Buffer
	if joined {
		b.WriteString(beginJoined + "\n")
	} else {
		b.WriteString(begin + "\n")
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		fmt.Fprintf(&b, "%s\t%s%s\n", names[name], name, lineMark)
	}
	b.WriteString(blockEnd + "\n")
	return b.Bytes()
}

// block is a run of lines: from the first to before the last.
type block struct {
	from, to int
	joined   bool
}

func findBlocks(lines [][]byte) []block {
	var blocks []block
	free := 0 // the first line that is in no block yet
	for i := 0; i < len(lines); i++ {
		b := block{from: i, to: i + 1}
		switch {
		case isBegin(lines[i]):
			b.joined = string(lines[i]) == beginJoined+"\n" // not where someone changed the file's line ends
			b.to = blockAfter(lines, i)
		case isEnd(lines[i]):
			for b.from > free && isMarked(lines[b.from-1]) {
				b.from--
			}
		default:
			continue
		}
		blocks = append(blocks, b)
		free = b.to
		i = b.to - 1
	}
	return blocks
}

// blockAfter gives the line after the block that begins at line from.
func blockAfter(lines [][]byte, from int) int {
	for i := from + 1; i < len(lines) && !isBegin(lines[i]); i++ {
		if isEnd(lines[i]) {
			return i + 1
		}
	}
	to := from + 1
	for to < len(lines) && isMarked(lines[to]) {
		to++
	}
	return to
}

func isBegin(line []byte) bool {
	rest, ok := strings.CutPrefix(trimLine(line), blockBegin)
	return ok && (rest == "" || rest[0] == ' ' || rest[0] == ',')
}

func isEnd(line []byte) bool { return trimLine(line) == blockEnd }

func isMarked(line []byte) bool { return strings.HasSuffix(trimLine(line), lineMark) }

func trimLine(line []byte) string { return strings.TrimRight(string(line), " \t\r\n") }
