// Package deployer turns an artefact set into the live generation of its
// service, and keeps what is live true to what it has promised.
//
//	              newest wins
//	artefact set ─▶ lane ─▶ Plan ─▶ deploy ──────────────────────────────▶ live
//	                                 │ prepare: reserve, clone, boot, join
//	                                 │ before_deploy, where there is one
//	                                 │ install, wait for needs, start the unit
//	                                 │ prove: the process lives, the port answers
//	                                 │ switch: names and ports, one act
//	                                 ▼ on failure: undo, last step first
//
// A generation is one container of a service. Its record lies in the
// container's own folder, written before the container is made and removed
// with it, so that no container of ours is ever without an owner:
//
//	making ─▶ standby ─▶ candidate ─▶ live ─▶ draining ─▶ (gone)
//	  │          │           │         ▲         │
//	  │          │           │         └─────────┘ the next one died
//	  └──────────┴───────────┤
//	                         ├──▶ (gone): given up or swept
//	                         └──▶ kept: failed, the newest, to be looked into
//
// The system is the state. After a crash the next start reads containers and
// records, adopts the newest live generation of each service with its wiring
// untouched, and undoes or finishes the rest.
package deployer
