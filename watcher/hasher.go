package watcher

import (
	"crypto/sha256"
	"encoding/hex"
)

// hasher gives the checksum of pieces, and works on one while the next is read. It
// belongs to one goroutine, which ends it.
type hasher struct {
	pieces chan []byte
	sum    chan string
	ended  string
}

func newHasher() *hasher {
	h := &hasher{pieces: make(chan []byte), sum: make(chan string, 1)}
	go func() {
		hash := sha256.New()
		for p := range h.pieces {
			hash.Write(p)
		}
		h.sum <- hex.EncodeToString(hash.Sum(nil))
	}()
	return h
}

// add takes a piece when the one before is through. It must not change until the
// next one is taken.
func (h *hasher) add(piece []byte) { h.pieces <- piece }

// end gives the checksum in hexadecimal digits, also when it is called again.
func (h *hasher) end() string {
	if h.ended == "" {
		close(h.pieces)
		h.ended = <-h.sum
	}
	return h.ended
}
