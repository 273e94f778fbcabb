package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

// maxLine is how long a line may be before it is cut, in bytes.
const maxLine = 64 << 10

// cutMark ends the text of a line that goes on in the next.
const cutMark = " […]"

// reader makes lines of the pieces of a file.
type reader struct {
	pos  int64  // of the next byte to read
	line []byte // the beginning of the line that ends beyond pos, at most maxLine bytes
	skip bool   // the beginning of that line is missing: it is no line
	bar  bool   // that line is being written anew
	emit func(Line)
	buf  [maxLine]byte
}

// read reads one piece of the file from pos on, and says whether there was
// one.
func (r *reader) read(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if info.Size() < r.pos { // emptied, and perhaps written to again
		r.flush()
		r.pos, r.skip = 0, false
	}
	at, err := data(f, r.pos, info.Size())
	if err != nil {
		return false, err
	}
	if at > r.pos {
		lost := at - r.pos
		r.pos, r.skip = at, at < info.Size()
		r.missing(lost)
	}
	n, err := f.ReadAt(r.buf[:], r.pos)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	r.take(r.buf[:n])
	if r.bar && n > 0 {
		r.give(r.line, "", Line{Offset: r.pos - int64(len(r.line)), Unfinished: true})
	}
	return n > 0, err
}

// take makes lines of a piece that follows what was taken before.
func (r *reader) take(piece []byte) {
	for len(piece) > 0 {
		part, rest, ended := bytes.Cut(piece, []byte("\n"))
		if room := maxLine - len(r.line); len(part) > room {
			part, rest, ended = piece[:room], piece[room:], false
		}
		r.pos += int64(len(piece) - len(rest))
		piece = rest
		if !r.skip {
			r.line = append(r.line, part...)
			r.renew()
		}
		switch {
		case ended:
			r.end()
		case len(r.line) == maxLine:
			r.cut()
		}
	}
}

// renew forgets what a carriage return has written over.
func (r *reader) renew() {
	text := bytes.TrimRight(r.line, "\r")
	if over := bytes.LastIndexByte(text, '\r') + 1; over > 0 {
		r.line, r.bar = append(r.line[:0], r.line[over:]...), true
	}
}

// give gives text, and what is said of it.
func (r *reader) give(text []byte, mark string, l Line) {
	l.Text, l.Coloured = Clean(kept(string(text)))
	l.Text += mark
	if l.Coloured != "" {
		l.Coloured += mark
	}
	r.emit(l)
}

// end gives the line that is complete.
func (r *reader) end() {
	if !r.skip {
		r.give(r.line, "", Line{Offset: r.pos})
	}
	r.line, r.skip, r.bar = r.line[:0], false, false
}

// cut gives as much of a line as is kept in memory, not in the middle of a
// character.
func (r *reader) cut() {
	n := len(r.line)
	for back := 1; back < utf8.UTFMax; back++ {
		if utf8.RuneStart(r.line[n-back]) {
			if !utf8.FullRune(r.line[n-back:]) {
				n -= back
			}
			break
		}
	}
	left := len(r.line) - n
	r.give(r.line[:n], cutMark, Line{Offset: r.pos - int64(left), Cut: true})
	r.line = append(r.line[:0], r.line[n:]...)
}

// flush gives the line that has no end yet.
func (r *reader) flush() {
	if len(r.line) > 0 {
		r.end()
	}
}

// missing says that bytes are not there any more, those of the line before
// pos that has been begun among them.
func (r *reader) missing(lost int64) {
	lost += int64(len(r.line))
	r.line, r.bar = r.line[:0], false
	if lost > 0 {
		r.emit(Line{Text: fmt.Sprintf("%d bytes of output were not kept", lost), Offset: r.pos, Note: true})
	}
}
