package watcher

import (
	"path"
	"slices"
	"strings"
)

// What writers in progress and people's tools leave in a folder is no artefact,
// unless a pattern of the service's files is that very name. Every scan asks of
// every name, so most are to cost little. docs/services.md has the kinds.
var (
	// unfinished is what is there while somebody writes, and is renamed or gone
	// when that is over.
	unfinished = leavings{
		names: set(
			"4913",                     // Vim tries whether it may make files
			".~tmp~", ".rsync-partial", // rsync --delay-updates, --partial-dir
		),
		begins: []string{
			".goutputstream-",                           // GLib
			".fuse_hidden", ".nfs", ".__smb", ".smbdel", // open and deleted, on a share
			".in.", // lftp
			".mutagen-temporary-", ".unison.", ".syncthing.", "~syncthing~",
		},
		exts: set(".part", ".filepart", ".crdownload", ".download", ".opdownload", ".aria2", ".partial", ".tmp", ".temp"),
	}
	// left is what stays.
	left = leavings{
		names: set(
			".git", ".gitignore", ".gitattributes", ".gitkeep", ".gitmodules", ".keep", ".hg", ".hgignore", ".svn", ".bzr", ".jj", "CVS",
			".idea", ".vscode", ".vs", ".settings", ".project", ".classpath", ".factorypath", ".metals", ".bloop",
			".gradle", ".kotlin",
			".DS_Store", ".AppleDouble", ".Spotlight-V100", ".Trashes", ".fseventsd", ".TemporaryItems", ".DocumentRevisions-V100", "Icon\r",
			".AppleDB", ".AppleDesktop", ".LSOverride", ".apdisk", "__MACOSX", "Network Trash Folder", "Temporary Items",
			"Thumbs.db", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "Desktop.ini", "$RECYCLE.BIN", "System Volume Information",
			".directory", "lost+found", ".stfolder", ".stversions", ".dropbox", ".dropbox.cache",
		),
		begins: []string{
			"._",                  // macOS, beside each file on a foreign disk
			".#", ".~lock.", "~$", // locks of Emacs, LibreOffice, Office
			".Trash-",
		},
		exts: set(
			".swp", ".swo", ".swn", ".swx", ".un~", ".kate-swp", // of Vim and Kate
			".iml",      // of IntelliJ IDEA
			".hprof",    // of a JVM that was run here
			".original", // what Spring Boot's repackage has moved away
		),
	}
)

// leavings says by their names what files are.
type leavings struct {
	names, exts map[string]bool
	begins      []string // with a dot or a tilde, all of them
}

func (l leavings) has(base, ext string) bool {
	return l.names[base] || l.exts[ext] || (base[0] == '.' || base[0] == '~') &&
		slices.ContainsFunc(l.begins, func(p string) bool { return strings.HasPrefix(base, p) })
}

// isUnfinished says whether a file of this name is being written, under another
// name than its own.
func isUnfinished(base string) bool {
	ext := path.Ext(base)
	switch {
	case unfinished.has(base, ext):
		return true
	case base[0] == '.' && len(ext) < len(base) && random(ext[min(1, len(ext)):]):
		return true // rsync's .NAME.XXXXXX
	case strings.HasPrefix(base, "sed") && random(base[3:]):
		return true // sed -i
	case strings.HasSuffix(base, "___") && strings.Contains(base, "___jb_"):
		return true // JetBrains' safe write
	}
	return strings.HasPrefix(ext, ".sb-") // macOS' safe save
}

// isLeft says whether a file of this name was left by a tool.
func isLeft(base string) bool {
	last := base[len(base)-1]
	return last == '~' || // the backups of many
		strings.HasPrefix(base, "hs_err_pid") || strings.HasPrefix(base, "replay_pid") || // of a JVM that has crashed
		last == '#' && base[0] == '#' && len(base) > 1 || // Emacs' auto-save
		left.has(base, path.Ext(base))
}

// random says whether a text is what mkstemp(3) makes of XXXXXX. One of small
// letters alone, as in .env.docker, is taken for a word: one in 180 is none.
func random(s string) bool {
	word := true
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z':
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			word = false
		default:
			return false
		}
	}
	return len(s) == 6 && !word
}

func set(all ...string) map[string]bool {
	m := make(map[string]bool)
	for _, s := range all {
		m[s] = true
	}
	return m
}
