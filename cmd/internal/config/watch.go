package config

// Watch says how the shared folder is observed.
type Watch struct {
	Dir      string
	Mode     string // one of the Mode… values
	Poll     Duration
	Settle   Duration
	Keep     int
	Together bool
}

// The values of Watch.Mode.
const (
	ModeAuto    = "auto"
	ModeInotify = "inotify"
	ModePoll    = "poll"
)

func (w *Watch) keys() []key {
	return []key{
		{name: "dir", to: &w.Dir, preset: `"/host"`, change: restart,
			doc: "where the build's results arrive, a folder for each service"},
		{name: "mode", to: &w.Mode, preset: `"auto"`, values: []string{ModeAuto, ModeInotify, ModePoll}, change: restart,
			doc: "how changes are noticed. The kernel cannot see what the other side of a share writes (vboxsf, NFS, " +
				"SMB, 9p, virtiofs); auto polls there, and uses inotify everywhere else"},
		{name: "poll", to: &w.Poll, preset: `"10s"`, limits: "10ms to 1m", change: restart,
			doc: "the longest time between two looks at a file, when polling. What changed lately is looked at up to " +
				"100 times a second, everything as often as a third of a percent of a core allows"},
		{name: "settle", to: &w.Settle, preset: `"20ms"`, limits: "0s to 10m", change: restart,
			doc: "how long a service's files must have been still before they are taken. Half-written JARs are noticed " +
				"whatever this says; more only helps builds that write several files far apart"},
		{name: "keep", to: &w.Keep, preset: "5", limits: "1 to 1000", change: restart,
			doc: "how many artefact sets of each service that were live are kept for jarloop rollback"},
		{name: "together", to: &w.Together, preset: "false", like: "true", change: restart,
			doc: "whether what one build touched is proven healthy first, all of it, and then switched in one act or not at all"},
	}
}
