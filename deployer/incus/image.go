package incus

import (
	"archive/tar"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sys/unix"

	"github.com/jarloop/jarloop/deployer/base/rootfs"
	"github.com/jarloop/jarloop/deployer/crash"
	"github.com/jarloop/jarloop/deployer/incus/api"
)

// Built is a base that an agent has built by its recipe. What it consists of is an image of
// the cluster, which has its name: whoever needs the base takes that, whoever built it.
//
//	root ─▶ image, whole or not there ─▶ its name: the base exists
//	                                       └─▶ an instance on each member where it is needed
//
// Of two that are taken in at a time one gets the name, and the other is removed.
type Built struct {
	// Name is that of the configuration, and Container that with a part of the hash of the
	// recipe.
	Name, Container, Hash string
	// Begun is when its build began, and Took how long that lasted.
	Begun time.Time
	Took  time.Duration
	// Bytes is the size of its image, compressed.
	Bytes int64
	// Complete is false for what is left of one that was cut off.
	Complete bool
	// Made are the instances that were made of it, whoever has them.
	Made []string
}

// The properties of an image.
const (
	propertyContainer = "jarloop.container"
	propertyName      = "jarloop.base"
	propertyHash      = "jarloop.recipe"
	propertyBegun     = "jarloop.begun"
	propertyTook      = "jarloop.took"
)

// HasBase says whether the cluster has a base. An image without its name, which an agent
// that was killed has left, gets it; others of the same are removed.
func (e *Engine) HasBase(ctx context.Context, container, hash string) (bool, error) {
	const most = 5 // others may be at the same
	var err error
	for range most {
		var all []api.Image
		if all, err = e.Client.Images(ctx); err != nil {
			break
		}
		all = slices.DeleteFunc(all, func(i api.Image) bool {
			return i.Properties[propertyContainer] != container || i.Properties[propertyHash] != hash
		})
		slices.SortFunc(all, func(x, y api.Image) int { return cmp.Compare(x.Fingerprint, y.Fingerprint) })
		named := slices.IndexFunc(all, func(i api.Image) bool { return called(i, container) })
		if named >= 0 {
			_ = e.removeImages(ctx, slices.Delete(all, named, named+1)) // what stays the next one removes
			return true, nil
		}
		if len(all) == 0 {
			return false, nil
		}
		err = e.nameImage(ctx, all[0].Fingerprint, container)
		if err != nil && !api.IsTaken(err) && !api.IsNotFound(err) { // else somebody was faster
			break
		}
	}
	return false, fmt.Errorf("look for the image %s: %w", container, err)
}

func called(i api.Image, name string) bool {
	return slices.ContainsFunc(i.Aliases, func(a api.Alias) bool { return a.Name == name })
}

func (e *Engine) nameImage(ctx context.Context, fingerprint, container string) error {
	defer crash.Point("name image")()
	return e.Client.NameImage(ctx, fingerprint, container)
}

func (e *Engine) removeImages(ctx context.Context, all []api.Image) (errs error) {
	defer crash.Point("remove images")()
	for _, i := range all {
		if err := e.Client.DeleteImage(ctx, i.Fingerprint); err != nil {
			if h := e.members.ask(ctx, heardEvery); h != nil && len(h.offline) > 0 { // Incus does not say so
				err = fmt.Errorf("it goes from all members at a time, and the cluster does not hear from %s: %w", strings.Join(h.offline, ", "), err)
			}
			errs = errors.Join(errs, fmt.Errorf("remove the image %s: %w", i.Fingerprint, err))
		}
	}
	return errs
}

// TakeIn gives the cluster a base, from its root on this machine.
func (e *Engine) TakeIn(ctx context.Context, b Built, root string, p rootfs.Progress) error {
	failed := e.upload(ctx, b, root, p)
	there, err := e.HasBase(ctx, b.Container, b.Hash)
	if there && err == nil { // another agent's, if not this one
		return nil
	}
	err = cmp.Or(failed, err, errors.New("it was removed just now"))
	return fmt.Errorf("make the image %s: %w", b.Container, err)
}

// upload sends the root while it is packed.
func (e *Engine) upload(ctx context.Context, b Built, root string, p rootfs.Progress) error {
	defer crash.Point("make image")()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reader, writer := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := pack(ctx, b, root, writer, p)
		writer.CloseWithError(err)
		packed <- err
	}()
	_, err := e.Client.CreateImage(ctx, reader)
	reader.CloseWithError(cmp.Or(err, io.ErrClosedPipe))
	return cmp.Or(err, <-packed)
}

// pack writes an image: what it is, and its root. Members need no program for gzip but
// what every system has.
func pack(ctx context.Context, b Built, root string, w io.Writer, p rootfs.Progress) error {
	var machine unix.Utsname
	if err := unix.Uname(&machine); err != nil {
		return err
	}
	metadata, err := json.Marshal(map[string]any{ // which YAML is, too
		"architecture": unix.ByteSliceToString(machine.Machine[:]), "creation_date": b.Begun.Unix(),
		"properties": map[string]string{
			"description": "base " + b.Name + " of jarloop", propertyContainer: b.Container, propertyName: b.Name,
			propertyHash: b.Hash, propertyBegun: b.Begun.UTC().Format(time.RFC3339), propertyTook: b.Took.String(),
		},
	})
	if err != nil {
		return err
	}
	compressed := gzip.NewWriter(w)
	first := tar.NewWriter(compressed) // its end is that of the other one
	err = first.WriteHeader(&tar.Header{Name: "metadata.yaml", Mode: 0o644, Size: int64(len(metadata)), ModTime: b.Begun})
	if err == nil {
		_, err = first.Write(metadata)
	}
	if err == nil {
		err = first.Flush()
	}
	if err == nil {
		err = rootfs.Archive(ctx, root, "rootfs", compressed, p)
	}
	return cmp.Or(err, compressed.Close())
}
