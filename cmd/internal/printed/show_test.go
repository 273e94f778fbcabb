package printed

import (
	"testing"
	"time"
)

func TestSince(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	now := time.Date(2024, 3, 1, 12, 0, 0, 0, zone)
	for text, want := range map[string]time.Time{
		"0s": now, "90m": now.Add(-90 * time.Minute),
		"09:30": now.Add(-150 * time.Minute), "09:30:05": now.Add(-150*time.Minute + 5*time.Second),
		"2024-03-01": now.Add(-12 * time.Hour), "2024-02-29 12:00": now.Add(-24 * time.Hour),
		"2024-02-29T12:00:00": now.Add(-24 * time.Hour), "2024-03-01T11:00:00Z": now,
	} {
		if got, err := ParseSince(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s is %s, %v; want %s", text, got, err, want)
		}
	}
}
