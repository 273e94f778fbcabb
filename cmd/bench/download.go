package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// downloads is the service that a long download comes from. Its drain is
// longer than that.
var downloads = service{name: "download", port: 8095, drain: 90 * time.Second}

const (
	partSize  = 4096 // as in Service.java
	partEvery = 10 * time.Millisecond
)

// download reads from the service for that time, and says when it began and
// ended, or where it was not the bytes that were sent.
func (r *rig) download(ctx context.Context, took time.Duration, began func()) error {
	ctx, cancel := context.WithTimeout(ctx, took*3/2+30*time.Second)
	defer cancel()
	parts := int(took / partEvery)
	url := fmt.Sprintf("%sdownload/%d/%d", downloads.url(), parts, partEvery.Milliseconds())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := r.Client(false)
	client.Timeout = 0 // the context's counts
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body := bufio.NewReader(response.Body)
	got := make([]byte, partSize)
	for i := range parts {
		if n, err := io.ReadFull(body, got); err != nil {
			return fmt.Errorf("the download ended after %d of %d bytes: %w", i*partSize+n, parts*partSize, err)
		}
		if !bytes.Equal(got, stretch(i)) {
			return fmt.Errorf("the download differs in part %d of %d", i, parts)
		}
		if i == 0 {
			began()
		}
	}
	// The length was said at the start, so nothing can follow but its end.
	if _, err := body.ReadByte(); !errors.Is(err, io.EOF) {
		return errors.Join(fmt.Errorf("the download does not end after %d bytes", parts*partSize), err)
	}
	return nil
}

// stretch is what Service.java sends as the part of that number.
func stretch(i int) []byte {
	p := bytes.Repeat([]byte{byte(i)}, partSize)
	copy(p, strconv.Itoa(i)+"\n")
	return p
}
