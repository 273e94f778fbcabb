// Package config reads the configuration: one TOML file, decoded strictly.
//
// It promises that a Config that it gives is complete and consistent: every
// default is in place, every path is absolute and clean, every name that is
// mentioned exists, and there is an order in which the services can be started.
// Whatever is wrong is said in one *Error, all problems at once, in the order of
// the file, each with the file, the line, the column, the key and the remedy:
//
//	config.toml:12:1: service.frontend.prot: unknown key; did you mean "port"?
//
// Each table of the file is a struct in a file of its own here, with the table of its
// keys. A key is declared there once, and all else follows from that: its type, default
// and limits, what a change of it does while the agent runs, and what is said of it.
//
// The flow:
//
//	file ─ Read ─▶ bytes ─ grow ─▶ nodes ─ fill ─▶ Config ─ complete ─▶ check ─▶ Config
//	                              (key → what was written, and where)
//
// Only Read touches the machine; everything after it is a function of the bytes.
// Nothing here asks whether a folder, a bridge or a container exists: that is the
// business of those that use them.
//
//go:generate go test -run ^TestTheDocumentsFollowFromTheKeys$ -update
package config
