// Package incus is the engine for a team's machines: instances of an Incus cluster,
// reached by its API alone (package api). There is no path of a host and no process of
// it; what has to be done inside a guest a small static program does there (package
// inside), which is put into the base once and comes with each copy.
//
//	record, owner, state of making   keys user.jarloop.… of the instance
//	files of what is stopped         SFTP, which Incus gives
//	service, files, sockets          exec of the program in the guest
//	data of a service                custom volumes of one member, see data_record.go
//	what a service prints            a file in the guest, and its mirror with the agent,
//	                                 byte by byte at the same offsets: it outlives the guest
//
// The name of an instance begins with its owner's: two developers who share a network
// share its names too, whatever their projects are.
package incus
