//go:build !crashpoints

// Package crash names the points at which tests kill the program: before,
// inside and after each act that could leave something behind. Only a program
// that is built with the tag crashpoints dies there; in any other a point is
// nothing.
package crash

// Point says that the act of that name begins, and returns what is to be
// called when it is over:
//
//	defer crash.Point("clone")()
func Point(string) (over func()) { return nothing }

func nothing() {}
