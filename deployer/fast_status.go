package deployer

// StartStatus is how the service of a generation was started by java -jar.
type StartStatus struct {
	// Libraries is how many shared ones its class path begins with.
	Libraries int          `json:"libraries,omitempty"`
	Archive   ArchiveState `json:"archive,omitempty"`
	// Plain says, to people, why it was started as its command says.
	Plain string `json:"plain,omitempty"`
}

// ArchiveState says whether classes of the libraries come from an archive.
type ArchiveState string

// The states of an archive.
const (
	ArchiveNone   ArchiveState = "none"   // there was none yet
	ArchiveGiven  ArchiveState = "given"  // whether the JVM takes it is not known yet
	ArchiveUsed   ArchiveState = "used"   // the JVM takes classes from it
	ArchiveUnused ArchiveState = "unused" // the JVM has left it aside
)

func (s *Start) shown() *StartStatus {
	switch {
	case s == nil:
		return nil
	case s.Plain != "":
		return &StartStatus{Plain: s.Plain}
	}
	shown := &StartStatus{Libraries: len(s.Libraries), Archive: ArchiveNone}
	switch {
	case s.Archive == "":
	case s.Taken == nil:
		shown.Archive = ArchiveGiven
	case *s.Taken:
		shown.Archive = ArchiveUsed
	default:
		shown.Archive = ArchiveUnused
	}
	return shown
}
