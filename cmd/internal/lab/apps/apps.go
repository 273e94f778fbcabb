// Package apps builds the applications of public frameworks that tests and the
// benchmark deploy. Their sources are in cmd/jarloop/testdata/apps; how they are built
// is what the page of docs/shapes says or, where no page tells of one, the file build
// beside its source. What is built, and the libraries of Maven, are kept between runs.
package apps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// cache is where libraries and builds are kept.
const cache = "/var/cache/jarloop/lab/apps"

// Application is one whose source is in a checkout.
type Application struct {
	Name     string
	Source   string // the folder
	Commands string // of the shell, which copy what is built to /host/volume-NAME
}

// Find gives an application of a checkout.
func Find(checkout, name string) (Application, error) {
	a := Application{Name: name, Source: filepath.Join(checkout, "cmd/jarloop/testdata/apps", name)}
	page, err := os.ReadFile(filepath.Join(checkout, "docs/shapes", name+".md"))
	if errors.Is(err, fs.ErrNotExist) {
		text, err := os.ReadFile(filepath.Join(a.Source, "build"))
		a.Commands = string(text)
		return a, err
	}
	if err == nil {
		a.Commands, err = Fenced(string(page), "sh")
	}
	return a, err
}

// Fenced gives the first block of a page in a language.
func Fenced(page, language string) (string, error) {
	_, rest, found := strings.Cut(page, "\n```"+language+"\n")
	block, _, ended := strings.Cut(rest, "```\n")
	if !found || !ended {
		return "", fmt.Errorf("there is no block of %s in %q", language, page)
	}
	return block, nil
}

// CopySource copies the source to a folder that is not there yet, to be edited.
func (a Application) CopySource(ctx context.Context, folder string) error {
	if out, err := exec.CommandContext(ctx, "cp", "-rT", a.Source, folder).CombinedOutput(); err != nil {
		return fmt.Errorf("copy the source of %s: %w: %s", a.Name, err, out)
	}
	return nil
}

// Build builds a copy of the source, with a folder in place of the share. It asks a
// registry for libraries that are not kept yet, so it is not for the lab's machines.
func (a Application) Build(ctx context.Context, source, share string) error {
	cmd := exec.CommandContext(ctx, "nice", "sh", "-ec", strings.ReplaceAll(a.Commands, "/host/", share+"/"))
	cmd.Dir = source
	home, err := a.javaHome(jdks)
	if err != nil {
		return err
	}
	cmd.Env = append(os.Environ(), "JAVA_HOME="+home,
		"GRADLE_OPTS=-Dorg.gradle.daemon=false", // which would stay
		"MAVEN_OPTS="+os.Getenv("MAVEN_OPTS")+" -Dmaven.repo.local="+filepath.Join(cache, "maven"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %s: %w: %s", a.Name, a.Commands, err, out)
	}
	return nil
}

// Version is what the source of an application says of itself, and what an edit
// makes of that.
const Version = "version 1"

// Edit gives a copy of the source another version.
func Edit(source, version string) error {
	edited := 0
	err := filepath.WalkDir(filepath.Join(source, "src"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".java" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), Version) {
			return err
		}
		edited++
		return os.WriteFile(path, []byte(strings.Replace(string(text), Version, version, 1)), 0o644)
	})
	if err == nil && edited != 1 {
		err = fmt.Errorf("%q is in %d files of %s, not in one", Version, edited, source)
	}
	return err
}

// Built builds the application in each of the versions, as a developer does who edits
// it and builds it again, and gives the folders with what is for the share. What was
// built of the same source by the same commands is not built again.
func (a Application) Built(ctx context.Context, versions ...string) ([]string, error) {
	hash, err := a.hash(versions)
	if err != nil {
		return nil, err
	}
	kept := filepath.Join(cache, a.Name+"-"+hash)
	var folders []string
	for _, v := range versions {
		folders = append(folders, filepath.Join(kept, strings.ReplaceAll(v, " ", "-"), "volume-"+a.Name))
	}
	if _, err := os.Stat(kept); err == nil {
		return folders, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp(cache, "building-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := a.buildAll(ctx, work, versions); err != nil {
		return nil, err
	}
	if err := a.forget(); err != nil {
		return nil, err
	}
	return folders, os.Rename(filepath.Join(work, "built"), kept)
}

// buildAll builds each version where the one before was built.
func (a Application) buildAll(ctx context.Context, work string, versions []string) error {
	source := filepath.Join(work, "source")
	for _, v := range versions {
		// The source is copied over what is there, and so is the edit of before.
		if err := a.CopySource(ctx, source); err != nil {
			return err
		}
		if err := Edit(source, v); err != nil {
			return err
		}
		if err := a.Build(ctx, source, filepath.Join(work, "built", strings.ReplaceAll(v, " ", "-"))); err != nil {
			return err
		}
	}
	return nil
}

// forget removes what was built of other sources of this application.
func (a Application) forget() error {
	old, err := filepath.Glob(filepath.Join(cache, a.Name+"-"+strings.Repeat("[0-9a-f]", hashLength)))
	for _, folder := range old {
		err = errors.Join(err, os.RemoveAll(folder))
	}
	return err
}

const hashLength = 16

// hash names what would be built.
func (a Application) hash(versions []string) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q\n", a.Commands, versions)
	err := filepath.WalkDir(a.Source, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == "target" || d.Name() == "build" { // of a build in the checkout itself
				return fs.SkipDir
			}
			return nil
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(h, "%q %q\n", path[len(a.Source):], text)
		return err
	})
	return hex.EncodeToString(h.Sum(nil))[:hashLength], err
}
