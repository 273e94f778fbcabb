package base

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jarloop/jarloop/deployer/base/internal/tool"
)

// A base in a file is a tar archive of its root, compressed with zstd, behind
// a frame that decompressors skip (RFC 8878, 3.1.2) and that says what it is:
//
//	50 2A 4D 18  length  head as JSON  │  zstd( tar( ./  ./bin  ./etc … ) )
//
// So "tar --zstd -tf FILE" shows it to a person.
const (
	frameMagic = 0x184D2A50
	frameSize  = 8       // magic and length
	mostHead   = 1 << 20 // a recipe is a few lines
)

// fileFormat is raised when an older jarloop could not read a newer one's file.
const fileFormat = 1

// head describes the base in a file.
type head struct {
	Jarloop string    `json:"jarloop"` // "base": what kind of file it is
	Format  int       `json:"format"`
	Recipe  Recipe    `json:"recipe"`
	Hash    string    `json:"hash"`
	Arch    string    `json:"arch"` // as Go calls it
	Begun   time.Time `json:"begun"`
	Took    int64     `json:"took_ns"`
	// Config are the lines of the container's configuration that an import
	// cannot know: those that came from a template.
	Config []string `json:"config,omitempty"`
	// Size and Sum are the length and the SHA-256 of what follows the head.
	Size int64  `json:"size"`
	Sum  string `json:"sha256"`
}

// writeWhole writes the head and what pack writes after it to out, and gives the
// size of both.
func writeWhole(out *os.File, h head, pack func(io.Writer) error) (int64, error) {
	// As long as it can get.
	h.Size, h.Sum = 1<<62, strings.Repeat("0", 2*sha256.Size)
	frame, err := h.frame(0)
	if err != nil {
		return 0, err
	}
	if _, err := out.Write(frame); err != nil {
		return 0, err
	}
	sum := sha256.New()
	if err := pack(io.MultiWriter(out, sum)); err != nil {
		return 0, err
	}
	end, err := out.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	h.Size, h.Sum = end-int64(len(frame)), hex.EncodeToString(sum.Sum(nil))
	if frame, err = h.frame(len(frame)); err != nil {
		return 0, err
	}
	_, err = out.WriteAt(frame, 0)
	return end, err
}

// openFile opens a file whose head is right, and whose content begins at
// start and has the size that the head says.
func openFile(file string) (f *os.File, h head, start int64, err error) {
	f, err = os.Open(file)
	if err != nil {
		return nil, h, 0, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, h, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, h, 0, fmt.Errorf("%w: not a regular file", ErrFile)
	}
	if h, start, err = readHead(f); err != nil {
		return nil, h, 0, err
	}
	if has := info.Size() - start; has != h.Size {
		return nil, h, 0, fmt.Errorf("%w: %d bytes after its head, and it should have %d; copy it once more", ErrFile, has, h.Size)
	}
	return f, h, start, nil
}

// frame gives the head's frame, padded to at least so many bytes: it is
// written once before its size and sum are known, and once after.
func (h head) frame(least int) ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	text = append(text, bytes.Repeat([]byte(" "), max(0, least-frameSize-len(text)))...)
	if len(text) > mostHead {
		return nil, errors.New("the recipe is too long for a file")
	}
	frame := binary.LittleEndian.AppendUint32(nil, frameMagic)
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(text)))
	return append(frame, text...), nil
}

// readHead reads the head, and gives the length of its frame. A wrong one is an
// ErrFile.
func readHead(file io.Reader) (h head, length int64, err error) {
	var start [frameSize]byte
	if _, err := io.ReadFull(file, start[:]); err != nil {
		return h, 0, short(err)
	}
	n := binary.LittleEndian.Uint32(start[4:])
	if binary.LittleEndian.Uint32(start[:]) != frameMagic || n > mostHead {
		return h, 0, fmt.Errorf("%w: no file of jarloop base export", ErrFile)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(file, text); err != nil {
		return h, 0, short(err)
	}
	if err := json.Unmarshal(text, &h); err != nil || h.Jarloop != "base" {
		return h, 0, fmt.Errorf("%w: no file of jarloop base export", ErrFile)
	}
	return h, frameSize + int64(n), h.check()
}

// short gives the error of a file that ends too early as an ErrFile.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends too early; copy it once more", ErrFile)
	}
	return err
}

func (h head) check() error {
	switch {
	case h.Format != fileFormat:
		return fmt.Errorf("%w: written by another version of jarloop (format %d, this one knows %d)", ErrFile, h.Format, fileFormat)
	case h.Size < 0 || h.Took < 0:
		return fmt.Errorf("%w: its head makes no sense", ErrFile)
	}
	for _, line := range h.Config {
		if !portable(line) {
			return fmt.Errorf("%w: its configuration says %q, which no export writes", ErrFile, tool.Printable(line))
		}
	}
	return nil
}

// suits is an error if the base in the file is not the one that r describes on
// this machine.
func (h head) suits(r Recipe) error {
	if h.Arch != runtime.GOARCH {
		return fmt.Errorf("%w: it is for %s, and this machine is %s", ErrDiffers, tool.Printable(h.Arch), runtime.GOARCH)
	}
	for _, part := range []struct{ name, file, here string }{
		{"name", h.Recipe.Name, r.Name},
		{"distribution", h.Recipe.Distribution, r.Distribution},
		{"template", h.Recipe.Template, r.Template},
		{"args", list(h.Recipe.Args), list(r.Args)},
		{"packages", list(h.Recipe.PackageSet()), list(r.PackageSet())},
		{"run", list(h.Recipe.Run), list(r.Run)},
		{"mirror", h.Recipe.Mirror, r.Mirror},
		{"ID of root (privileged, /etc/subuid)", id(h.Recipe.First), id(r.First)},
	} {
		if part.file != part.here {
			return fmt.Errorf("%w: its %s is %s, and here it is %s; make them the same, or build it here with jarloop provision",
				ErrDiffers, part.name, quoted(part.file), quoted(part.here))
		}
	}
	if h.Hash != r.Hash() {
		return fmt.Errorf("%w: another version of jarloop built it, and this one builds it otherwise; export it once more with this one", ErrDiffers)
	}
	return nil
}

// id gives the host's ID of root as a word, none where that is root itself.
func id(first int) string {
	if first == 0 {
		return ""
	}
	return strconv.Itoa(first)
}

func list(words []string) string { return strings.Join(words, ", ") }

func quoted(text string) string {
	if text == "" {
		return "not given"
	}
	return fmt.Sprintf("%q", tool.Printable(text))
}

// taken are the keys of a template's configuration that go with a base. Hooks are
// none of them: this host would run them.
var taken = []string{
	"lxc.arch", "lxc.autodev", "lxc.cap.drop", "lxc.include", "lxc.mount.auto", "lxc.mount.entry",
	"lxc.pty.max", "lxc.signal.halt", "lxc.signal.reboot", "lxc.signal.stop", "lxc.tty.max",
}

// portable says whether a line of a configuration goes with a base. It includes
// only files of LXC's own.
func portable(line string) bool {
	key, value, ok := strings.Cut(line, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	if !ok || strings.ContainsAny(line, "\n\r\x00") {
		return false
	}
	if key == "lxc.include" && (!strings.HasPrefix(value, includes) || strings.Contains(value, "..")) {
		return false
	}
	return slices.Contains(taken, key)
}
