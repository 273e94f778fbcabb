package watcher

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Limits of one JAR. archive/zip keeps some 200 bytes of every entry, which takes
// at least 46 of the table of contents, and its name twice: so the size of that
// table bounds the memory of a check to 64 MiB. What all entries unpack to bounds
// its time, for a bomb of a few KiB can unpack to petabytes.
const (
	maxRecords   = 120_000
	maxDirectory = 12 << 20 // bytes of the central directory
	maxUnpacked  = 4 << 30  // bytes of all entries
	maxManifest  = 1 << 20  // bytes
)

// errCrowded is what reading a central directory beyond its limits gives.
var errCrowded = fmt.Errorf("has more than %d entries, or a table of contents of more than %d MiB; split it", maxRecords, maxDirectory>>20)

// checkJAR reads an archive to its last entry, so that truncation (no end
// record), holes (checksums) and encryption show, and looks for a Main-Class
// if one is needed. Entries that an archive known to be whole has byte for byte
// are not unpacked again. What is wrong is said in the words that follow the file's
// name. An error that wraps *fs.PathError or the context's is not about the
// archive but about reading it.
func checkJAR(ctx context.Context, r io.ReaderAt, size int64, needMain bool, known map[string]*zip.File) error {
	files, err := outline(ctx, r, size)
	if err != nil {
		return err
	}
	if err := readAll(ctx, files, known); err != nil {
		return err
	}
	if needMain {
		return hasMain(files)
	}
	return nil
}

// checkOutline is checkJAR for what shows without unpacking: the table of
// contents, and that each entry begins and ends where the table says.
func checkOutline(ctx context.Context, r io.ReaderAt, size int64, needMain bool) error {
	files, err := outline(ctx, r, size)
	if err != nil {
		return err
	}
	for i, f := range files {
		if i%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		at, err := f.DataOffset()
		if err != nil {
			return badEntry(f, err)
		}
		if left := size - at; left < 0 || f.CompressedSize64 > uint64(left) {
			return badEntry(f, zip.ErrFormat)
		}
	}
	if needMain {
		return hasMain(files)
	}
	return nil
}

// outline gives the entries of an archive as its table of contents has them.
func outline(ctx context.Context, r io.ReaderAt, size int64) ([]*zip.File, error) {
	if size == 0 {
		return nil, errors.New("is empty; build it again")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	z, err := openJAR(r, size)
	if err != nil {
		return nil, err
	}
	if err := sizes(z.File); err != nil {
		return nil, err
	}
	for _, f := range z.File {
		if f.Flags&0x1 != 0 { // APPNOTE.TXT 4.4.4: bit 0 of the flags
			return nil, fmt.Errorf("is encrypted (entry %s); build it without", short(f.Name))
		}
	}
	return z.File, nil
}

// openJAR reads the table of contents, within its limits.
func openJAR(r io.ReaderAt, size int64) (*zip.Reader, error) {
	table := &meter{r: r}
	z, err := zip.NewReader(table, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, unreadable(r, err)
	}
	if len(z.File) > maxRecords {
		return nil, errCrowded
	}
	table.read.Store(true)
	return z, nil
}

// meter limits what archive/zip reads to find the entries, because it goes on
// for as long as there are any, whatever their number was said to be.
type meter struct {
	r     io.ReaderAt
	bytes int
	read  atomic.Bool // the entries are found
}

// ReadAt implements io.ReaderAt.
func (m *meter) ReadAt(p []byte, off int64) (int, error) {
	n, err := m.r.ReadAt(p, off)
	if m.read.Load() {
		return n, err
	}
	if m.bytes += n; m.bytes > maxDirectory+256<<10 { // the end record is searched in 65 KiB
		return 0, errCrowded
	}
	return n, err
}

// sizes adds up what the entries say that they unpack to. archive/zip holds
// each of them to it.
func sizes(files []*zip.File) error {
	left := uint64(maxUnpacked)
	for _, f := range files {
		if f.UncompressedSize64 > left {
			return fmt.Errorf("unpacks to more than %d GiB; split it", maxUnpacked>>30)
		}
		left -= f.UncompressedSize64
	}
	return nil
}

// readAll reads every entry, on as many processors as there are: inflating is
// most of what a check costs, and somebody waits for it.
func readAll(ctx context.Context, files []*zip.File, known map[string]*zip.File) error {
	group, ctx := errgroup.WithContext(ctx)
	var at atomic.Int64
	for range min(runtime.GOMAXPROCS(0), 4, len(files)) {
		group.Go(func() error {
			buf := make([]byte, 64<<10)
			for i := at.Add(1) - 1; i < int64(len(files)); i = at.Add(1) - 1 {
				if old := known[files[i].Name]; old != nil && sameEntry(files[i], old, buf) {
					if err := ctx.Err(); err != nil {
						return err
					}
					continue
				}
				if err := readEntry(ctx, files[i], buf); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// readEntry reads one entry to its end, where archive/zip compares length and
// checksum.
func readEntry(ctx context.Context, f *zip.File, buf []byte) error {
	r, err := f.Open()
	if err != nil {
		return badEntry(f, err)
	}
	defer r.Close()
	for left := f.UncompressedSize64; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.Read(buf)
		if uint64(n) > left {
			return badEntry(f, zip.ErrFormat)
		}
		left -= uint64(n)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return badEntry(f, err)
		}
	}
}

// unreadable puts into words why an archive as a whole cannot be read.
func unreadable(r io.ReaderAt, err error) error {
	if notAboutIt(err) {
		return err
	}
	if errors.Is(err, errCrowded) {
		return errCrowded
	}
	head := make([]byte, 16)
	n, _ := r.ReadAt(head, 0)
	if head = head[:n]; len(head) >= 4 && string(head[:4]) == "PK\x03\x04" {
		return errors.New("is cut short or still being written (its table of contents is missing); build it again")
	}
	return fmt.Errorf("is not a JAR (it begins with %s); build it again", strconv.QuoteToASCII(string(head)))
}

// badEntry puts into words why an entry cannot be read.
func badEntry(f *zip.File, err error) error {
	switch {
	case notAboutIt(err):
		return err
	case errors.Is(err, zip.ErrChecksum):
		return fmt.Errorf("is damaged or still being written (entry %s has a wrong checksum); build it again", short(f.Name))
	case errors.Is(err, zip.ErrAlgorithm):
		return fmt.Errorf("has an entry that Java cannot read (%s, compression method %d); build it with deflate", short(f.Name), f.Method)
	}
	return fmt.Errorf("is damaged or still being written (entry %s: %s); build it again", short(f.Name), strings.TrimPrefix(err.Error(), "zip: "))
}

// notAboutIt says whether an error is about reading the file, not about what
// is in it.
func notAboutIt(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// short quotes the name of an entry, which is foreign text of up to 64 KiB.
func short(name string) string {
	if len(name) > 100 {
		name = name[:100] + "…"
	}
	return strconv.QuoteToASCII(name)
}

const noMain = "has no Main-Class in its manifest"

// withMain says how an archive gets its Main-Class, by what has made it.
func withMain(files []*zip.File) string {
	is := func(what string) bool {
		return slices.ContainsFunc(files, func(f *zip.File) bool { return strings.HasPrefix(f.Name, what) })
	}
	switch {
	case is("META-INF/application.xml"):
		return "an EAR is for an application server, which exec has to run"
	case is("WEB-INF/"):
		return "a WAR like this is for a servlet container: have the build make one that runs by itself, as spring-boot:repackage or bootWar do, or say in exec what runs it"
	case is("META-INF/maven/"):
		return "set it in the pom.xml: <archive><manifest><mainClass> of maven-jar-plugin, or have spring-boot:repackage or maven-shade-plugin set it"
	}
	return "set it in the jar task: manifest { attributes 'Main-Class': '…' }"
}

// hasMain looks for the Main-Class.
func hasMain(files []*zip.File) error {
	text, err := manifest(files)
	if err != nil {
		return err
	}
	if manifestValue(text, "Main-Class") == "" {
		return errors.New(noMain + "; " + withMain(files))
	}
	return nil
}

// manifestValue gives the value of an attribute in the main section of a
// manifest, "" if there is none. Lines end in CR, LF or both, a line that
// begins with a space continues the one before, and an empty line ends the
// section (JAR File Specification, "Name-Value pairs and Sections").
func manifestValue(text, name string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	section, _, _ := strings.Cut(strings.TrimPrefix(text, "\uFEFF"), "\n\n")
	section = strings.ReplaceAll(section, "\n ", "")
	for line := range strings.SplitSeq(section, "\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
