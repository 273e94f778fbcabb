// Package api calls the REST API of Incus, as much of it as an engine needs: over the
// unix socket of a member, or over TLS with a client certificate.
//
//	Client ── plain calls: JSON, a deadline each ──▶ member ──▶ the member that has it
//	       ── what takes long: an Operation that is waited for
//	       ── Exec, Events: websockets
//	       ── Files: SFTP
//
// Every call has a deadline of its own beside its context's. A call that only reads is
// made again when its connection was cut; one that changes something never is, since
// nobody knows how far it came. Where the API has ETags a change says what it is one
// of, and ErrChanged is that somebody else was first.
package api
