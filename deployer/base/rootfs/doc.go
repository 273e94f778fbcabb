// Package rootfs builds a root filesystem by its recipe, in a folder. Which
// engine makes containers of it, and where it keeps them, is not known here.
//
//	Recipe ─▶ Build ─┬─ install   mmdebstrap, or an lxc-create template
//	                 ├─ shape     units and files that suit a guest
//	                 ├─ run       the lines of the recipe
//	                 ├─ trim      caches, keys of the machine, class data
//	                 └─ owners    shifted, where guests are unprivileged
//
//	root ─▶ Pack ─▶ zstd(tar(root)) ─▶ Unpack ─▶ root
//
// What fails or is killed leaves half a root, and perhaps a folder beside it
// whose name begins with the root's: the caller removes both. What succeeds leaves
// such a folder where a template's configuration needs it. Everything is done by
// commands in namespaces of their own (package tool), as root.
package rootfs
