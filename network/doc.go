// Package network leads requests to the live generations: by name, by address
// and by port of the VM.
//
//	laptop ─▶ VM port ─ DNAT ─▶ web-3 ─ /etc/hosts ─▶ service address ─ DNAT ─▶ frontend-8 ─▶ …
//	          Ports             Pool    SetHosts      Ports                     Pool
//
// A name may lead to an address of the service's own, which stays, or to that
// of the live generation itself.
//
// It has three parts that know nothing of each other:
//
//   - SetHosts keeps one marked block in the hosts file of a container, and
//     everything else in that file to the byte.
//   - Pool leases addresses of the bridge's subnet, none to two owners, and a
//     freed one not soon again.
//   - Ports leads ports of the VM and service addresses with chains of its own,
//     and makes those that an earlier process has left, wherever it was cut off,
//     the ones that are wanted.
//
// Everything is IPv4, as on LXC's own bridge. What is computed (blocks, ranges,
// rules, the steps from one set of rules to another) are functions of values;
// what reads and changes the host is kept thin and to itself.
package network
