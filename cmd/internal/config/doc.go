// Package config reads the configuration: one TOML file, decoded strictly.
//
// It promises that a Config that it gives is complete and consistent: every
// default is in place, every path is absolute and clean, every name that is
// mentioned exists, and there is an order in which the services can be started.
// Whatever is wrong is said in one *Error, all problems at once, in the order of
// the file, each with the file, the line, the key and the remedy:
//
//	config.toml:12: service.frontend.prot: unknown key; did you mean "port"?
//
// The flow:
//
//	file ─ read ─▶ bytes ─ TOML ─▶ tables ─ fill ─▶ document ─ defaults ─▶ validate ─▶ Config
//	                 │                        ▲                   ▲            ▲
//	                 └─ locate ─▶ places ─────┴───────────────────┴────────────┘
//	                              (key → line; what was written, and in which order)
//
// Only read touches the machine; everything after it is a function of the bytes.
// Nothing here asks whether a folder, a bridge or a container exists: that is the
// business of the stages which use them.
package config
