package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jarloop/jarloop/cmd/internal/console"
	"github.com/jarloop/jarloop/cmd/internal/control"
	"github.com/jarloop/jarloop/deployer"
)

// LastDeploy shows the steps of a service's last deploy, each where it began
// and as long as it took.
func LastDeploy(out io.Writer, s control.Status, name string) error {
	for _, service := range s.Services {
		if service.Service != name {
			continue
		}
		if service.Last == nil {
			return fmt.Errorf("%s has not been deployed since the agent started", name)
		}
		_, err := io.WriteString(out, drawn(service.Last)+started(service.Start))
		return err
	}
	return fmt.Errorf("the agent that runs knows no service %q: it may have another configuration, or have refused this one", name)
}

// started says how the service that is live was started by java -jar.
func started(s *deployer.StartStatus) string {
	switch {
	case s == nil:
		return ""
	case s.Plain != "":
		return "  started as java -jar: " + console.Plain(s.Plain) + "\n"
	}
	archive := map[deployer.ArchiveState]string{
		deployer.ArchiveNone:   "there was no archive of their classes yet",
		deployer.ArchiveGiven:  "with an archive of their classes",
		deployer.ArchiveUsed:   "their classes come from an archive",
		deployer.ArchiveUnused: "its JVM has left the archive of their classes aside",
	}[s.Archive]
	return fmt.Sprintf("  started fast: %d libraries are shared, %s\n", s.Libraries, archive)
}

// wide is how many columns the whole deploy takes up.
const wide = 60

func drawn(l *deployer.Last) string {
	verdict := "live"
	if l.Error != "" {
		verdict = "failed: " + console.Plain(l.Error)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %.3f s  %s\n", l.Generation, console.Short(l.Set), l.Took.Seconds(), verdict)
	begun := time.Duration(0)
	for _, step := range l.Steps {
		from := int(begun * wide / max(l.Took, 1))
		begun += step.Took
		to := max(from+1, int(begun*wide/max(l.Took, 1)))
		bar := strings.Repeat(" ", min(from, wide-1)) + strings.Repeat("█", max(1, min(to, wide)-min(from, wide-1)))
		fmt.Fprintf(&b, "  %-14s %8.1f ms  %s\n", step.Name, float64(step.Took.Microseconds())/1000, bar)
	}
	return b.String()
}
