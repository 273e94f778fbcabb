package logs

import (
	"regexp"
	"slices"
)

var (
	// frame is a line that only a stack trace has.
	frame = regexp.MustCompile(`^\s+(at [\w.$/<>@-]+.*\(.*\).*|\.\.\. \d+ (more|common frames omitted)|\[CIRCULAR REFERENCE.*)\s*$`)
	// cause is one in the middle of a trace, which starts the next part.
	cause = regexp.MustCompile(`^\s*(Caused by|Suppressed|Wrapped by): `)
	// head is the first line of a trace: the name of an exception's class,
	// perhaps after the thread that it ended.
	head = regexp.MustCompile(`^(Exception in thread ".*" |Error: .*|.*: )?([\w$]+\.)+[\w$]+(:.*)?\s*$`)
	// report is a line of a logger that a trace follows as its detail.
	report = regexp.MustCompile(`\b(ERROR|SEVERE|FATAL|WARN|WARNING|Exception|Error)\b`)
)

// Bounds of Trace: the lines that a message may have between its head and the
// first frame, the lines after a trace beyond which it is not what the output
// ended with, and how many lines are shown of an output without a trace.
const (
	maxMessage = 20
	maxAfter   = 40
	lastLines  = 10
)

// Trace gives those of a service's last lines that show why it ended: the last
// Java stack trace whole, with its message, the log line before it, and the lines
// after it; where there is none near the end, the last few lines.
func Trace(lines []string) []string {
	last := -1
	for i := len(lines) - 1; i >= max(0, len(lines)-maxAfter); i-- {
		if frame.MatchString(lines[i]) {
			last = i
			break
		}
	}
	if last < 0 {
		return slices.Clone(lines[max(0, len(lines)-lastLines):])
	}
	first := begin(lines, last)
	if first > 0 && report.MatchString(lines[first-1]) && !frame.MatchString(lines[first-1]) {
		first--
	}
	return slices.Clone(lines[first:])
}

// begin gives the line with which the trace begins that the frame in line i
// belongs to.
func begin(lines []string, i int) int {
	for i > 0 {
		switch above := lines[i-1]; {
		case frame.MatchString(above), cause.MatchString(above):
			i--
		case frame.MatchString(lines[i]):
			j := heading(lines, i)
			if j == i || !cause.MatchString(lines[j]) {
				return j
			}
			i = j
		default:
			return i
		}
	}
	return i
}

// heading gives the line that a frame's part of a trace starts with, which is
// some lines up where its message has more than one; the frame itself where
// there is none.
func heading(lines []string, i int) int {
	for j := i - 1; j >= max(0, i-maxMessage) && !frame.MatchString(lines[j]); j-- {
		if cause.MatchString(lines[j]) || head.MatchString(lines[j]) {
			return j
		}
	}
	return i
}
