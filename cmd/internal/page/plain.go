package page

import (
	"strings"

	"github.com/jarloop/jarloop/deployer/logs"
)

// plain is text that is fit to be shown: with what is not to be seen written out.
// Lines stay lines.
func plain(text string) string {
	if !strings.Contains(text, "\n") {
		text, _ = logs.Clean(text)
		return text
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i], _ = logs.Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}
