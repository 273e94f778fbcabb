package jars

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"strings"
)

// writeJAR writes a JAR of entries of others, whose content is copied as it is, with
// their dates. Its size depends on nothing but names and content.
func writeJAR(ctx context.Context, to io.Writer, m manifest, entries []entry) error {
	z := zip.NewWriter(to)
	w, err := z.CreateHeader(&zip.FileHeader{Name: manifestName, Method: zip.Deflate})
	if err != nil {
		return err
	}
	if _, err := w.Write(m.bytes()); err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := writeEntry(z, e, buf); err != nil {
			return fmt.Errorf("entry %s: %w", short(e.name), err)
		}
	}
	return z.Close()
}

func writeEntry(z *zip.Writer, e entry, buf []byte) error {
	h := e.FileHeader
	h.Name, h.Extra, h.Comment = e.name, nil, ""
	h.Flags &= 0x800 // the name is UTF-8; no sizes follow the content (APPNOTE.TXT 4.4.4)
	folder := strings.HasSuffix(e.name, "/")
	if folder {
		h.Method, h.CRC32, h.CompressedSize64, h.UncompressedSize64 = zip.Store, 0, 0, 0
	}
	w, err := z.CreateRaw(&h)
	if err != nil || folder {
		return err
	}
	r, err := e.OpenRaw()
	if err != nil {
		return err
	}
	n, err := io.CopyBuffer(w, r, buf)
	if err == nil && uint64(n) != h.CompressedSize64 {
		err = io.ErrUnexpectedEOF
	}
	return err
}
