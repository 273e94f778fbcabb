package logs

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

// What a generation prints is kept on the host, failed ones' too, and beside it
// the last record that it had:
//
//	<logs>/<service>/<number>/reports/out   its standard output and error
//	<logs>/<service>/<number>/files/<name>  a copy of a file inside
//	<logs>/<service>/<number>/record.json   once its container is gone
const (
	reportsFolder = "reports" // the guest's own, mounted into it
	outFile       = "out"
	filesFolder   = "files" // out of its reach, as what is beside it
	recordFile    = "record.json"
)

// Folder is where is kept what a generation prints.
type Folder string

// FolderOf gives the folder of a service's generation.
func FolderOf(logs, service string, number int) Folder {
	return Folder(filepath.Join(logs, service, strconv.Itoa(number)))
}

// Reports is what the guest can write to.
func (f Folder) Reports() string { return filepath.Join(string(f), reportsFolder) }

// Out is the service's standard output and error.
func (f Folder) Out() string { return filepath.Join(f.Reports(), outFile) }

// Copy is the copy of a file inside.
func (f Folder) Copy(name string) string {
	return filepath.Join(string(f), filesFolder, url.PathEscape(name))
}

// Record is the generation's last record, once it is gone.
func (f Folder) Record() string { return filepath.Join(string(f), recordFile) }

// PrintedFile is a file on the host that holds what a generation has printed.
type PrintedFile struct {
	Service string
	Number  int
	File    string // base name inside, empty for standard output and error
	Path    string // of a file that a container may have written: Open opens it
}

// Generation is the name of the generation that printed it.
func (p PrintedFile) Generation() string { return Generation(p.Service, p.Number) }

// Generation is the name of a generation.
func Generation(service string, number int) string { return service + "-" + strconv.Itoa(number) }

// Printed gives the files that are kept of what a service's generations have
// printed: by number, of each the standard output first, which may not be there
// yet. No agent is needed. None is no error.
func Printed(logs, service string) ([]PrintedFile, error) {
	folders, err := os.ReadDir(filepath.Join(logs, service))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []PrintedFile
	for _, entry := range folders {
		number, err := strconv.Atoi(entry.Name())
		if err != nil || strconv.Itoa(number) != entry.Name() || !entry.IsDir() {
			continue // nobody knows whose it is
		}
		folder := FolderOf(logs, service, number)
		all = append(all, PrintedFile{Service: service, Number: number, Path: folder.Out()})
		copies, err := os.ReadDir(filepath.Join(string(folder), filesFolder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, c := range copies {
			if name, err := url.PathUnescape(c.Name()); err == nil {
				all = append(all, PrintedFile{Service: service, Number: number, File: path.Base(name), Path: folder.Copy(name)})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b PrintedFile) int { return cmp.Compare(a.Number, b.Number) })
	return all, nil
}
