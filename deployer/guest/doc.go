// Package guest is what is put inside a container: files, written through its
// root without ever leaving it, and the unit that its init runs.
//
//	/etc/jarloop/run      the service: environment, folder, command
//	/etc/jarloop/ready    the artefacts are there; without it the unit waits
//	/etc/jarloop/gate     at this FIFO, until Root.OpenGate opens it
//	/var/log/jarloop/out  what the service prints   (a folder of the host,
//	/var/log/jarloop/exit how its process ended      bind-mounted by the caller)
//
// The unit does the same under every init:
//
//	boot or Start ──▶ ready? ──no──▶ wait at the gate
//	                    │yes              │
//	                    ▼                 ▼
//	            remove exit ◀─────────────┘
//	                    └──▶ run ──▶ the process ends ──▶ write exit
//
// so that a spare container boots and waits for its artefacts, and one that is
// rebooted starts its service by itself. The unit never starts a service
// again that has ended: whoever reads exit decides, and counts.
package guest
