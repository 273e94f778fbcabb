package config

import (
	"strconv"
	"strings"
)

// nearest gives the name that a mistyped word most likely means, or "". Ties go to
// the name that comes first.
func nearest(word string, names []string) string {
	best, most := "", max(1, min(len(word)/3, 3))
	for _, name := range names[:min(len(names), 500)] { // no person has more; bounds the work
		if len(name)-len(word) > most || len(word)-len(name) > most {
			continue
		}
		if d := distance(strings.ToLower(word), name); d <= most && name != word {
			best, most = name, d-1
		}
	}
	return best
}

// Meant gives "; did you mean …?" or, when no name is near, the alternative.
func Meant(word string, names []string, otherwise string) string {
	if name := nearest(word, names); name != "" {
		return "; did you mean " + strconv.Quote(name) + "?"
	}
	return otherwise
}

// distance is the least number of letters to insert, drop, change or swap with their
// neighbour that makes b of a (optimal string alignment, over bytes: the names here
// are ASCII).
func distance(a, b string) int {
	var before []int
	above := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := above[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(above[j]+1, row[j-1]+1, change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}

// listed gives names as a sentence has them: a, b or c.
func listed(names []string, last string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " " + last + " " + names[len(names)-1]
}

// quoted is listed with each name in quotes.
func quoted(names []string, last string) string {
	q := make([]string, len(names))
	for i, name := range names {
		q[i] = strconv.Quote(name)
	}
	return listed(q, last)
}
