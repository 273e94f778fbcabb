package doctor

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/console"
)

// memory compares what services may hold together with what there is.
func memory(_ context.Context, m *Machine) []Finding {
	var all config.Size
	for _, s := range m.Config.Services {
		all += s.Memory
	}
	there := config.Size(0)
	for line := range strings.Lines(m.read("/proc/meminfo")) {
		if name, value, _ := strings.Cut(line, ":"); name == "MemTotal" {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64) // 0: not known
			there = config.Size(kib << 10)
		}
	}
	f := Finding{Check: "memory", State: OK, Found: console.Size(int64(there)) + ", " + console.Size(int64(all)) + " of it by limits of services"}
	switch {
	case all == 0 || there == 0:
		return nil
	case all > there:
		f.State = Warning
		f.Found = fmt.Sprintf("services may hold %s of memory together, and this machine has %s: one of them may be killed before it comes to its limit",
			console.Size(int64(all)), console.Size(int64(there)))
		f.Remedy = "lower memory of some in the configuration, or give the VM more"
	}
	return []Finding{f}
}
