package watcher

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"io"
)

// Record sizes and signatures from APPNOTE.TXT 4.3.14 to 4.3.16.
const (
	endLen       = 22
	endSig       = 0x06054b50
	locatorLen   = 20
	locatorSig   = 0x07064b50
	end64Len     = 56
	end64Sig     = 0x06064b50
	recordsAt    = 10 // in the end record, 16 bits
	commentLenAt = 20 // in the end record, 16 bits
	records64At  = 32 // in the zip64 end record, 64 bits
)

// claimedRecords gives the number of entries that the archive's end record
// claims. archive/zip makes room for that many before it has seen one, so a
// large file can make it ask for gigabytes; hence this look beforehand, at the
// very record that archive/zip will find (readDirectoryEnd there).
func claimedRecords(r io.ReaderAt, size int64) (uint64, error) {
	at, end, err := findEnd(r, size)
	if err != nil {
		return 0, err
	}
	records := uint64(binary.LittleEndian.Uint16(end[recordsAt:]))
	// A zip64 record can stand behind any of several marks; looking for it
	// always can only find a larger claim.
	if at < locatorLen {
		return records, nil
	}
	locator := make([]byte, locatorLen)
	if _, err := r.ReadAt(locator, at-locatorLen); err != nil {
		return 0, err
	}
	if binary.LittleEndian.Uint32(locator) != locatorSig {
		return records, nil
	}
	end64 := make([]byte, end64Len)
	offset := int64(binary.LittleEndian.Uint64(locator[8:]))
	if offset < 0 || offset > size-end64Len {
		return records, nil
	}
	if _, err := r.ReadAt(end64, offset); err != nil {
		return 0, err
	}
	if binary.LittleEndian.Uint32(end64) != end64Sig {
		return records, nil
	}
	return max(records, binary.LittleEndian.Uint64(end64[records64At:])), nil
}

// findEnd finds the end record: first in the last KiB, then in the last 65,
// from the back, for a comment of up to 64 KiB may follow it.
func findEnd(r io.ReaderAt, size int64) (at int64, end []byte, err error) {
	for _, n := range []int64{1 << 10, 65 << 10} {
		n = min(n, size)
		buf := make([]byte, n)
		if _, err := r.ReadAt(buf, size-n); err != nil && !errors.Is(err, io.EOF) {
			return 0, nil, err
		}
		for i := len(buf) - endLen; i >= 0; i-- {
			if binary.LittleEndian.Uint32(buf[i:]) != endSig {
				continue
			}
			if i+endLen+int(binary.LittleEndian.Uint16(buf[i+commentLenAt:])) > len(buf) {
				break // a comment that is cut short
			}
			return size - n + int64(i), buf[i : i+endLen], nil
		}
		if n == size {
			break
		}
	}
	return 0, nil, zip.ErrFormat
}
