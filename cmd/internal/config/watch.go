package config

// Watch says how the shared folder is observed.
type Watch struct {
	// Where the build's results arrive, a folder for each service.
	Dir string
	// How changes are noticed. The kernel cannot see what the other side of a share
	// writes (vboxsf, NFS, SMB, 9p, virtiofs); auto polls there, and uses inotify
	// everywhere else.
	Mode string
	// The longest time between two looks at a file, when polling. What changed lately is
	// looked at up to 100 times a second, everything as often as a third of a percent of
	// a core allows.
	Poll Duration
	// How long a service's files must have been still before they are taken.
	// Half-written JARs are noticed whatever this says, and the pauses of builds that
	// write several files are learnt.
	Settle Duration
	// How many artefact sets of each service that were live are kept for jarloop
	// rollback.
	Keep int
	// Whether what one build touched is proven healthy first, all of it, and then
	// switched in one act or not at all.
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
		{name: "dir", to: &w.Dir, preset: `"/host"`, wrong: badFolder, change: restart},
		{name: "mode", to: &w.Mode, preset: `"auto"`, values: []string{ModeAuto, ModeInotify, ModePoll}, change: restart},
		{name: "poll", to: &w.Poll, preset: `"10s"`, limits: "10ms to 1m", change: restart},
		{name: "settle", to: &w.Settle, preset: `"20ms"`, limits: "0s to 10m", change: restart},
		{name: "keep", to: &w.Keep, preset: "5", limits: "1 to 1000", change: restart},
		{name: "together", to: &w.Together, preset: "false", change: restart},
	}
}
