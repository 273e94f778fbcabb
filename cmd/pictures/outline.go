package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
)

// A picture of the page carries with it what the page said when it was taken, in a
// chunk of text of the PNG, so that a test can say whether it is still true. How
// letters are drawn is another on each machine.

const signature = "\x89PNG\r\n\x1a\n"

const keyword = "Outline\x00"

var errPNG = errors.New("it is no PNG, or is cut off")

// withOutline adds the outline to a PNG.
func withOutline(png []byte, outline []string) ([]byte, error) {
	i := bytes.LastIndex(png, []byte("IEND")) - 4
	if !bytes.HasPrefix(png, []byte(signature)) || i < 0 {
		return nil, errPNG
	}
	return slices.Concat(png[:i], chunk("tEXt", keyword+strings.Join(outline, "\n")), png[i:]), nil
}

func chunk(kind, data string) []byte {
	body := kind + data
	text := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	text = append(text, body...)
	return binary.BigEndian.AppendUint32(text, crc32.ChecksumIEEE([]byte(body)))
}

// outlineOf reads the outline of a PNG.
func outlineOf(png []byte) ([]string, error) {
	rest, found := bytes.CutPrefix(png, []byte(signature))
	if !found {
		return nil, errPNG
	}
	for len(rest) >= 12 {
		size := binary.BigEndian.Uint32(rest)
		if uint64(size)+12 > uint64(len(rest)) {
			return nil, errPNG
		}
		kind, data := string(rest[4:8]), rest[8:8+size]
		if text, ours := bytes.CutPrefix(data, []byte(keyword)); ours && kind == "tEXt" {
			return strings.Split(string(text), "\n"), nil
		}
		rest = rest[12+size:]
	}
	return nil, errors.New("it has no outline")
}
