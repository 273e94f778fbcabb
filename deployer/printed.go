package deployer

import (
	"cmp"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
)

// What a generation prints is kept on the host, failed ones' too:
//
//	<Logs>/<service>/<number>/reports/out   its standard output and error
//	<Logs>/<service>/<number>/files/<name>  a copy of a file inside (Service.Logs)
const (
	reportsFolder = "reports" // the guest's own, mounted into it
	outFile       = "out"
	filesFolder   = "files" // out of its reach
)

// PrintedFile is a file on the host that holds what a generation has printed.
type PrintedFile struct {
	Service string
	Number  int
	File    string // base name inside, empty for standard output and error
	Path    string // of a file that a container may have written: logs.Open opens it
}

// Generation is the name of the generation that printed it.
func (p PrintedFile) Generation() string { return p.Service + "-" + strconv.Itoa(p.Number) }

// Printed gives the files that are kept below Options.Logs of what a service's
// generations have printed: in the order of the generations, of each the
// standard output first, which may not be there yet. No agent is needed. None
// is no error.
func Printed(logs, service string) ([]PrintedFile, error) {
	folders, err := os.ReadDir(filepath.Join(logs, service))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []PrintedFile
	for _, folder := range folders {
		number, err := strconv.Atoi(folder.Name())
		if err != nil || strconv.Itoa(number) != folder.Name() || !folder.IsDir() {
			continue // nobody knows whose it is
		}
		kept := filepath.Join(logs, service, folder.Name())
		all = append(all, PrintedFile{Service: service, Number: number, Path: filepath.Join(kept, reportsFolder, outFile)})
		copies, err := os.ReadDir(filepath.Join(kept, filesFolder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, c := range copies {
			if name, err := url.PathUnescape(c.Name()); err == nil {
				all = append(all, PrintedFile{
					Service: service, Number: number, File: path.Base(name), Path: filepath.Join(kept, filesFolder, c.Name()),
				})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b PrintedFile) int { return cmp.Compare(a.Number, b.Number) })
	return all, nil
}
