// Package deployer turns an artefact set into the live generation of its
// service, and looks after every generation that there is.
//
// A generation is one instance, a container, of a service. Each service has one
// loop that owns all that is known of it. Everything reaches it as a message; what
// takes long is a task, which touches nothing of the loop and reports back by a
// message:
//
//	watcher, person,     ┌─ loop of a service ───────────────────┐
//	configuration ─────▶ │ mailbox ─▶ handle…: its state is      │ ─▶ Status, Events
//	                     │            changed, tasks are begun   │
//	                     └───▲───────────────────────┬───────────┘
//	                         │ ended, exited, …      ▼
//	                     ┌───┴─ tasks ───────────────────────────┐
//	                     │ deploy · standby · drain · removal ·  │ ─▶ Engine
//	                     │ restart · going back · wait for an end│
//	                     └───────────────────────┬───────────────┘
//	              of all services:               ▼
//	                     background, batch, routing ──────────────▶ Router
//
// Status is published before the events that led to it, so whoever asks after an
// event finds it so. Each of the three at the bottom is owned by a goroutine and
// waits for nothing slow but the Router.
//
// A deploy is one function (deploy.go), with each step's undo beside it:
//
//	reserve, clone, boot, join     up to here it is a standby
//	before_deploy                  a command of the host, where there is one
//	install, wait for needs
//	hold, stop, save               where the old one has to end first: see replace.go
//	start
//	prove                          the process lives, the port answers
//	switch                         names and ports, then the records: one act
//
// If a step fails, what was live is live as before, and the undos run, last first.
//
// What an instance is, is in its record, which the Engine keeps with it: there
// before the instance, and gone with it.
//
//	making ─▶ standby ─▶ candidate ─▶ live ─▶ draining ─▶ (gone)
//	  │          │           │         ▲         │
//	  │          │           │         └─────────┘ the next one died
//	  └──────────┴───────────┤
//	                         ├──▶ (gone): given up
//	                         └──▶ kept: the newest failure, to be looked into
//
// A kept failure runs on, without its service: stopping it would lose what is in
// its memory (/tmp, /run, the journal), and starting it again would start the
// service. That costs some 7 MB. It goes when the next deploy has ended, and not
// when that begins, since a save would throw out whoever looks around inside.
//
// A number only names a generation. What orders is its ordinal: each that goes
// live, anew or again, gets the next one, so what was live later counts as later.
//
// The system is the state. At the start takeStock reads instances and records,
// adopts what went live last of each service with names and ports untouched, and
// undoes or finishes the rest.
package deployer
