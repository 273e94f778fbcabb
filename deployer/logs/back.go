package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// Before gives the lines of a file that lie before an offset, the oldest first: about
// as many as fit into most bytes, one at least. start is where the first of them
// begins, and more says that there are lines before it. The offset is one at which a
// line ends; what stands before it without an end is given as unfinished. Where the
// beginning is not kept any more, a note says so.
func Before(f *os.File, end, most int64) (lines []Line, start int64, more bool, err error) {
	first, err := data(f, 0, end)
	if err != nil {
		return nil, 0, false, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	if start, err = beginning(f, first, end, most); err != nil {
		return nil, 0, false, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	r := &reader{pos: start, emit: func(l Line) { lines = append(lines, l) }}
	if start == first && first > 0 {
		r.skip = true
		r.missing(first)
	}
	for r.pos < end {
		n, err := f.ReadAt(r.buf[:min(maxLine, end-r.pos)], r.pos)
		if n == 0 { // shorter by now
			if err == nil || errors.Is(err, io.EOF) {
				break
			}
			return nil, 0, false, fmt.Errorf("read %s: %w", f.Name(), err)
		}
		r.take(r.buf[:n])
	}
	if len(r.line) > 0 {
		r.give(r.line, "", Line{Offset: r.pos, Unfinished: true})
	}
	return lines, start, start > first, nil
}

// beginning gives where a line begins about most bytes before the end, or further
// where that line is longer; first is where there is something.
func beginning(f *os.File, first, end, most int64) (int64, error) {
	for size := most; ; size *= 2 {
		start := end - size
		if start <= first {
			return first, nil
		}
		// From the byte before on: a line may begin right there.
		at, err := index(f, start-1, end-1)
		if err != nil {
			return 0, err
		}
		if at >= 0 {
			return at + 1, nil
		}
	}
}

// index gives where the first newline is between two offsets, or -1.
func index(f *os.File, from, to int64) (int64, error) {
	buf := make([]byte, 32<<10)
	for from < to {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), to-from)], from)
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			return from + int64(i), nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if n == 0 {
			break
		}
		from += int64(n)
	}
	return -1, nil
}

// End gives where the last line ends that has an end, and how long the file is.
func End(f *os.File) (end, size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	size = info.Size()
	first, err := data(f, 0, size)
	if err != nil {
		return 0, 0, err
	}
	buf := make([]byte, 4<<10)
	for to := size; to > first; to -= int64(len(buf)) {
		from := max(first, to-int64(len(buf)))
		n, err := f.ReadAt(buf[:to-from], from)
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return from + int64(i) + 1, size, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, 0, err
		}
	}
	return first, size, nil
}
