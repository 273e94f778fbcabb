package main

import (
	"archive/zip"
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed service/Service.java
var serviceSource []byte

// classes are the compiled files of the benchmark's own service, by name.
type classes map[string][]byte

// compile compiles the benchmark's own service.
func compile(ctx context.Context) (classes, error) {
	dir, err := os.MkdirTemp("", "jarloop-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	source := filepath.Join(dir, "Service.java")
	if err := os.WriteFile(source, serviceSource, 0o644); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "javac", "--release", "17", "-XDstringConcat=inline", "-d", dir, source)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile the service: %w: %s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.class"))
	if err != nil {
		return nil, err
	}
	all := classes{}
	for _, file := range files {
		if all[filepath.Base(file)], err = os.ReadFile(file); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// jar makes a JAR of the service that answers with the version. As with most
// builds its size is another each time.
func (c classes) jar(version string) ([]byte, error) {
	size := 0
	for _, c := range version {
		size = (7*size + int(c)) % 61
	}
	entries := map[string][]byte{"version": []byte(version), "size/" + strings.Repeat("x", size): nil}
	for name, data := range c {
		entries[name] = data
	}
	return pack([]byte("Manifest-Version: 1.0\r\nMain-Class: Service\r\n\r\n"), entries, nil)
}

const manifest = "META-INF/MANIFEST.MF"

// variant gives the bytes of a JAR that calls itself another version and is
// the same else: what a build of changed source gives, without the build.
func variant(jar []byte, version string) ([]byte, error) {
	r, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		return nil, err
	}
	f, err := r.Open(manifest)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(string(text), "\n")
	found := false
	for i, line := range lines {
		if strings.HasPrefix(line, "Implementation-Version:") {
			lines[i], found = "Implementation-Version: "+version+"\r\n", true
		}
	}
	if !found {
		return nil, fmt.Errorf("the manifest has no Implementation-Version: %q", text)
	}
	return pack([]byte(strings.Join(lines, "")), nil, r)
}

// pack writes a JAR: the manifest, which has to come first, the entries, and
// what is in another JAR beside its manifest.
func pack(head []byte, entries map[string][]byte, other *zip.Reader) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	write := func(name string, data []byte) error {
		f, err := w.Create(name)
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return err
	}
	err := write(manifest, head)
	if err != nil {
		return nil, err
	}
	for name, data := range entries {
		if err := write(name, data); err != nil {
			return nil, err
		}
	}
	if other != nil {
		for _, f := range other.File {
			switch {
			case f.Name == manifest:
			case f.FileInfo().IsDir():
				_, err = w.Create(f.Name)
			default:
				err = w.Copy(f)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
