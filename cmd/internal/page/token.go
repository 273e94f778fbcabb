package page

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// token lets whoever has it do what root can.
type token string

const tokenBytes = 32

// loadToken reads the token, or makes one where there is none that is whole.
func loadToken(path string) (token, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the token of the page: %w", err)
	}
	t := token(strings.TrimSpace(string(text)))
	if raw, err := base64.RawURLEncoding.DecodeString(string(t)); err == nil && len(raw) == tokenBytes {
		return t, os.Chmod(path, 0o600)
	}
	return newToken(path)
}

// newToken puts another token in the place of the one before.
func newToken(path string) (token, error) {
	raw := make([]byte, tokenBytes)
	rand.Read(raw)
	t := token(base64.RawURLEncoding.EncodeToString(raw))
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = renameio.WriteFile(path, []byte(t+"\n"), 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("write the token of the page: %w", err)
	}
	return t, nil
}

// derived is a secret that follows from the token, and from which the token does
// not follow.
func (t token) derived(purpose string) string {
	mac := hmac.New(sha256.New, []byte(t))
	mac.Write([]byte(purpose))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// cookieName is another one for each token: the cookies of a host are those of all its
// ports, and so of several agents that are forwarded to one laptop.
func (t token) cookieName() string {
	sum := sha256.Sum256([]byte("name " + t))
	return "jarloop-" + hex.EncodeToString(sum[:4])
}
