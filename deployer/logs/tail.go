package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxTail is how many bytes of a file Tail looks at.
const maxTail = 4 << 20

// Tail gives the last n lines of a file that a container writes, cleaned, the
// oldest first; fewer if there are not so many, or if they are longer than
// 4 MiB together. What Bound has given back is no line, and neither is the
// rest of the one that was cut. A missing file is fs.ErrNotExist.
func Tail(path string, n int) ([]string, error) {
	lines, err := tail(path, n)
	if err != nil {
		return nil, fmt.Errorf("read the last lines: %w", err)
	}
	return lines, nil
}

func tail(path string, n int) ([]string, error) {
	f, err := open(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size()
	for window := int64(64 << 10); ; window *= 4 {
		window = min(window, size, maxTail)
		text, whole, err := ending(f, size-window, size)
		if err != nil {
			return nil, err
		}
		// One newline more than lines, since the first of them may be cut.
		if whole || window == maxTail || bytes.Count(text, []byte("\n")) > n {
			return split(text, n), nil
		}
	}
}

// ending reads what is there between two offsets, from the start of a line,
// and says whether there is nothing before it.
func ending(f *os.File, start, end int64) (text []byte, whole bool, err error) {
	at, err := data(f, start, end)
	if err != nil {
		return nil, false, err
	}
	text = make([]byte, end-at)
	n, err := f.ReadAt(text, at)
	if err != nil && !errors.Is(err, io.EOF) { // shorter by now: what is there
		return nil, false, err
	}
	text = text[:n]
	if at > 0 {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text, start == 0 || at > start, nil
}

// split gives the last n lines of a text, cleaned.
func split(text []byte, n int) []string {
	text = bytes.TrimSuffix(text, []byte("\n"))
	if len(text) == 0 || n <= 0 {
		return nil
	}
	lines := strings.Split(string(text), "\n")
	lines = lines[max(0, len(lines)-n):]
	for i, line := range lines {
		lines[i], _ = Clean(kept(line))
	}
	return lines
}

// kept is a line without the zeros that stand for bytes given back while it
// was read.
func kept(line string) string { return strings.TrimLeft(line, "\x00") }
