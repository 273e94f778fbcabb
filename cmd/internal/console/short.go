package console

import "fmt"

// Short is the beginning of a set's ID, which is enough for a person.
func Short(id string) string { return id[:min(8, len(id))] }

// Size is a number of bytes for a person: "12 kB".
func Size(bytes int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	size, unit := float64(bytes), 0
	// What would be rounded up to the next digit counts as that already.
	for size >= 999.5 && unit < len(units)-1 {
		size, unit = size/1000, unit+1
	}
	if unit == 0 || size >= 9.95 {
		return fmt.Sprintf("%.0f %s", size, units[unit])
	}
	return fmt.Sprintf("%.1f %s", size, units[unit])
}
