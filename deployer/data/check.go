package data

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// compressed are the beginnings of compressed files, and what unpacks them.
var compressed = []struct{ head, by string }{
	{"\x1f\x8b", "gunzip"}, {"\xfd7zXZ\x00", "unxz"}, {"BZh", "bunzip2"}, {"\x28\xb5\x2f\xfd", "unzstd"}, {"PK\x03\x04", "unzip"},
}

// Check reads an archive that is to become data with these folders inside, so that one
// that is none, is cut off or holds none of them costs nobody an outage.
func Check(from io.Reader, folders []string) error {
	head := bufio.NewReader(from)
	if err := checkHead(head); err != nil {
		return err
	}
	archive := &Archive{From: head}
	entries := tar.NewReader(archive)
	var held []string
	for {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, tar.ErrHeader) && len(held) == 0 {
			return errors.New("it is no tar archive, as jarloop data export writes one")
		}
		if err != nil {
			return fmt.Errorf("it is cut short or damaged: %w", err)
		}
		top, _, _ := strings.Cut(strings.TrimPrefix(entry.Name, "./"), "/")
		if top == "" || entry.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		folder, ok := Folder(top)
		if !ok {
			return NotData(top)
		}
		if !slices.Contains(held, folder) {
			held = append(held, folder)
		}
	}
	if err := archive.Whole(); err != nil { // what is cut in a description ends as an archive does
		return fmt.Errorf("it is cut short or damaged: %w", err)
	}
	switch {
	case len(held) == 0:
		return ErrEmpty
	case !slices.ContainsFunc(held, func(folder string) bool { return slices.Contains(folders, folder) }):
		return fmt.Errorf("it holds %s, and nothing of %s", strings.Join(held, " and "), strings.Join(folders, " and "))
	}
	return nil
}

// checkHead looks at the beginning.
func checkHead(from *bufio.Reader) error {
	head, err := from.Peek(6)
	if len(head) == 0 && errors.Is(err, io.EOF) {
		return ErrEmpty
	}
	for _, c := range compressed {
		if bytes.HasPrefix(head, []byte(c.head)) {
			return fmt.Errorf("it is compressed: unpack it first, by %s", c.by)
		}
	}
	return nil
}
