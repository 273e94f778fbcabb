package watcher

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// packed makes a JAR of so many entries of so many bytes each, which pack to about
// half, or are stored. Its last one is the text.
func packed(b *testing.B, entries, size int, method uint16, text string) []byte {
	b.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	add := func(name string, method uint16, data []byte) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	add("META-INF/MANIFEST.MF", zip.Deflate, []byte("Manifest-Version: 1.0\nMain-Class: app.Main\n\n"))
	noise := rand.NewChaCha8([32]byte{1})
	data := make([]byte, size)
	for i := range entries {
		if _, err := io.ReadFull(noise, data); err != nil {
			b.Fatal(err)
		}
		for j := range data {
			if method == zip.Deflate {
				data[j] &= 0x0f
			}
		}
		add(fmt.Sprintf("lib/part-%05d", i), method, data)
	}
	add("app/Text", zip.Deflate, []byte(text))
	if err := z.Close(); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// BenchmarkShapes is the time from the last byte of artefacts, as large ones are
// built, to the set being reported, and to its being read to its end, one edit a
// round ("-benchtime 5x"). On the share, what is written is seen by polling alone.
func BenchmarkShapes(b *testing.B) {
	libraries := func(text string, changed int) map[string][]byte {
		all := map[string][]byte{"quarkus-app/quarkus-run.jar": jar(b, text)}
		for i := range 124 {
			own := ""
			if i < changed {
				own = text
			}
			all[fmt.Sprintf("quarkus-app/lib/lib-%03d.jar", i)] = packed(b, 60, 4800, zip.Deflate, own)
		}
		return all
	}
	for _, shape := range []struct {
		name string
		make func(text string, first bool) map[string][]byte
	}{
		{"trivial", func(text string, _ bool) map[string][]byte { return map[string][]byte{"app.jar": jar(b, text)} }},
		{"69 MB nested", func(text string, _ bool) map[string][]byte {
			return map[string][]byte{"app.jar": packed(b, 138, 500_000, zip.Store, text)}
		}},
		{"49 MB of 33000 entries", func(text string, _ bool) map[string][]byte {
			return map[string][]byte{"app.jar": packed(b, 33_000, 2600, zip.Deflate, text)}
		}},
		{"125 files, 6 changed", func(text string, first bool) map[string][]byte {
			all := libraries(text, 5)
			for name := range all {
				if !first && name > "quarkus-app/lib/lib-004.jar" && name != "quarkus-app/quarkus-run.jar" {
					delete(all, name)
				}
			}
			return all
		}},
	} {
		b.Run(shape.name, func(b *testing.B) {
			s := newShare(b)
			dir := filepath.Join(s.theirs, "app")
			put := func(files map[string][]byte) {
				for name, data := range files {
					write(b, filepath.Join(dir, name), data)
				}
			}
			put(shape.make("text 0", true))
			r := crowdRig(b, s, []Service{{Name: "app", Dir: filepath.Join(s.seen, "app"), Runs: "*"}})
			var reported, read []time.Duration
			for i := range b.N {
				files := shape.make(fmt.Sprintf("text %d", i+1), false)
				<-time.After(4 * time.Second) // another build
				put(files)
				closed := time.Now()
				e := r.any(Ready)
				reported = append(reported, time.Since(closed))
				if err := e.Set.Reading.Wait(context.Background()); err != nil {
					b.Fatal(err)
				}
				read = append(read, time.Since(closed))
			}
			slices.Sort(reported)
			slices.Sort(read)
			b.ReportMetric(ms(reported[len(reported)/2]), "ms-ready")
			b.ReportMetric(ms(read[len(read)/2]), "ms-read")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
