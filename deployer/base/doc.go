// Package base keeps bases: the stopped containers of LXC that clones are made
// of. Package rootfs builds what is in them.
//
// A base is never changed. Its container is named after its recipe's hash, so
// that a changed recipe builds a new base beside the old one, on which clones
// may rest.
//
//	recipe ─▶ Ensure ─┬─ there and complete: its name, at once
//	                  └─ take in, one at a time (flock, ends with the process)
//	                       mark      jarloop-base.json: ours, not complete
//	                       root      rootfs.Build, or rootfs.Unpack for Import
//	                       config    the container exists, for LXC
//	                       mark      complete: the base exists, for us
//
//	<lxc.path>/service-base-1a2b3c4d/
//	  jarloop-base.json   whose it is; the last file to go when it is removed
//	  config  rootfs/     the container
//	  lxc_snapshots       liblxc's own: the clones that rest on it
//
// A build that fails or is cancelled leaves nothing. One that is killed
// leaves a folder whose mark is not complete, which the next Ensure removes
// and builds again. A folder without a mark belongs to someone else and is
// never touched.
//
// Export writes a base to a file, and Import makes one of it: what it is made
// of must be what the recipe here says.
//
//	Export ─▶ head: recipe, hash, sum │ rootfs.Pack ─▶ Import
package base
