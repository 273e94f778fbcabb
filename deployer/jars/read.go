package jars

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"slices"
)

// Bounds of what is read into memory.
const (
	maxInflated = 128 << 20 // bytes of a library that is deflated; what is stored is read in place
	maxManifest = 1 << 20   // bytes
)

// readManifest reads the manifest, which is empty if there is none.
func readManifest(files []*zip.File) (manifest, error) {
	i := slices.IndexFunc(files, func(f *zip.File) bool { return isManifest(f.Name) })
	if i < 0 {
		return parseManifest(""), nil
	}
	text, err := readEntry(files[i], maxManifest)
	if err != nil {
		return nil, err
	}
	return parseManifest(string(text)), nil
}

// readEntry reads an entry of a size that is bounded.
func readEntry(f *zip.File, most int64) ([]byte, error) {
	if f.UncompressedSize64 > uint64(most) {
		return nil, refuse("has an entry, %s, of more than %d KiB", short(f.Name), most>>10)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("entry %s: %w", short(f.Name), err)
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return nil, fmt.Errorf("entry %s: %w", short(f.Name), err)
	}
	return content, nil
}

// copyAll copies until the end, or the context's.
func copyAll(ctx context.Context, to io.Writer, from io.Reader) (int64, error) {
	buf, all := make([]byte, 256<<10), int64(0)
	for {
		if err := ctx.Err(); err != nil {
			return all, err
		}
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return all, err
			}
			all += int64(n)
		}
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}
