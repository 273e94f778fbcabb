// Package logs keeps and follows what services print, on the host.
//
// A service appends to a file that lies in its generation's folder on the
// host, so that lines need no reader to be kept and outlive the container:
//
//	container                    host
//	service ──appends──▶ out ══ <service>/<number>/reports/out ──Follow──▶ lines
//	                             │ released │  kept  │
//	                             └──────────┴────────┘
//	                              by Bound    Tail, Trace
//
// The beginning of a long file is released to the filesystem while the service
// writes on: offsets keep their meaning, and nobody is blocked.
//
// The file is written by a container, which is trusted less than its reader:
// Open takes nothing but a regular file and follows no link, memory is bounded
// whatever is in it, and lines are cleaned, so that none can pass for another
// or control a terminal.
package logs
