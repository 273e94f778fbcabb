package adopt

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

var sizeForm = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)\s*([bkmgt]?)(?:i?b)?$`)

// limitMemory takes a limit of compose or systemd over; "" is the reason why not.
func (j *job) limitMemory(text string) string {
	m := sizeForm.FindStringSubmatch(strings.ToLower(strings.TrimSpace(text)))
	if m == nil {
		return strconv.Quote(text) + " is not a size"
	}
	size, _ := strconv.ParseFloat(m[1], 64)
	shift := map[string]float64{"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
	if factor, ok := shift[m[2]]; ok {
		size *= factor
	}
	mebibytes := math.Ceil(size / (1 << 20))
	if mebibytes < 32 || mebibytes > 1024<<10 {
		return text + " is no limit from 32M to 1024G"
	}
	j.memory = strconv.FormatFloat(mebibytes, 'f', 0, 64) + "M"
	return ""
}

// limitCPUs takes a number of processors over, or a share of one in percent.
func (j *job) limitCPUs(text string) string {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	n, err := strconv.ParseFloat(number, 64)
	if percent {
		n /= 100
	}
	if n = math.Round(n*100) / 100; err != nil || !(n >= 0.01 && n <= 1024) {
		return strconv.Quote(text) + " is no number of processors from 0.01 to 1024"
	}
	j.cpus = strconv.FormatFloat(n, 'f', -1, 64)
	return ""
}
