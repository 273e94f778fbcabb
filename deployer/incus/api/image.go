package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Image is what instances can be made of. It is the whole cluster's: a member that has it
// not gets it from another one.
type Image struct {
	Fingerprint string            `json:"fingerprint"`
	Size        int64             `json:"size"` // compressed
	Properties  map[string]string `json:"properties"`
	Aliases     []Alias           `json:"aliases"`
}

// Alias is a name of one image at a time.
type Alias struct {
	Name string `json:"name"`
}

const imagesPath = "/1.0/images"

// unpacked is how long it may take to fetch an image from another member and unpack it.
const unpacked = 15 * time.Minute

// Images gives all that the client may see.
func (c *Client) Images(ctx context.Context) (all []Image, err error) {
	_, err = c.get(ctx, imagesPath, url.Values{"recursion": {"1"}}, &all)
	return all, err
}

// HasImage says whether an image has this name.
func (c *Client) HasImage(ctx context.Context, alias string) (bool, error) {
	var a Alias
	_, err := c.get(ctx, imagesPath+"/aliases/"+url.PathEscape(alias), nil, &a)
	if IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// CreateImage makes one of a tar archive, which may be compressed and has metadata.yaml
// and the folder rootfs. What does not come to its end makes nothing.
func (c *Client) CreateImage(ctx context.Context, archive io.Reader) (fingerprint string, err error) {
	sum := sha256.New()
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	op, err := c.run(ctx, carried, call{
		method: http.MethodPost, path: imagesPath, header: header, raw: io.TeeReader(archive, sum), most: carried,
	})
	if err != nil && !errors.Is(err, errUnknown) { // it may still be read then
		return "", err
	}
	sent := hex.EncodeToString(sum.Sum(nil))
	if err != nil {
		var i Image
		if _, failed := c.get(ctx, imagesPath+"/"+sent, nil, &i); failed == nil {
			return sent, nil
		}
		return "", err
	}
	var made struct{ Fingerprint string }
	if err := json.Unmarshal(op.Metadata, &made); err != nil || made.Fingerprint != sent {
		return "", &Error{Call: "POST " + imagesPath, Text: fmt.Sprintf("the image has come with the SHA-256 %s, not %s", made.Fingerprint, sent)}
	}
	return sent, nil
}

// NameImage gives an image a name. That another one has it is an error that IsTaken knows.
func (c *Client) NameImage(ctx context.Context, fingerprint, alias string) error {
	_, _, err := c.do(ctx, call{method: http.MethodPost, path: imagesPath + "/aliases", body: map[string]string{"name": alias, "target": fingerprint}})
	return err
}

// DeleteImage removes an image with its names. Instances that were made of it stay. One
// that is not there is no error.
func (c *Client) DeleteImage(ctx context.Context, fingerprint string) error {
	_, err := c.run(ctx, changed, call{method: http.MethodDelete, path: imagesPath + "/" + url.PathEscape(fingerprint)})
	if errors.Is(err, errUnknown) {
		var i Image
		if _, gone := c.get(ctx, imagesPath+"/"+fingerprint, nil, &i); IsNotFound(gone) {
			return nil
		}
	}
	if IsNotFound(err) {
		return nil
	}
	return err
}

// CreateInstance makes a stopped instance of the image with this name on a member. Its
// configuration is there before anything else of it.
func (c *Client) CreateInstance(ctx context.Context, name, alias, member string, config map[string]string) error {
	_, err := c.run(ctx, unpacked, call{method: http.MethodPost, path: "/1.0/instances", query: url.Values{"target": {member}}, body: map[string]any{
		"name": name, "config": config, "source": map[string]string{"type": "image", "alias": alias},
	}})
	return err
}
