// Package network brings requests to the live generations: by name, by address
// and by port of the VM. Router does it, behind the door deployer.Router, and Pool
// leases the addresses.
//
//	laptop ─▶ VM port ─ DNAT ─▶ web-3 ─ /etc/hosts ─▶ virtual IP ─ DNAT ─▶ frontend-8 ─▶ …
//
// A name points to a virtual IP, which stays, or to the live generation itself. A
// hosts file has one marked block of ours; everything else in it is kept to the
// byte. Rules are in chains of ours:
//
//	nat                                        ┌─ own chains ──────────────────────────────┐
//	PREROUTING  to the VM itself ────────────▶ │ JARLOOP      -i lxcbr0  ────────────────┐ │
//	                                           │              -i eth0    port 80 ──┐     │ │
//	                                           │              -i lxcbr0  port 80 ──┤     │ │
//	OUTPUT      to the VM itself ────────────▶ │ JARLOOP-OUT             port 80 ──┤     │ │
//	                                           │                         ──────────┼─────┤ │
//	                                           │                                   ▼     │ │
//	                                           │ JARLOOP-80   DNAT to 10.0.3.131:8080    │ │
//	                                           │                                         ▼ │
//	                                           │ JARLOOP-SERVICES                          │
//	                                           │   to 10.0.3.101  DNAT to 10.0.3.131       │
//	                                           │   to 10.0.3.102  ACCEPT: nothing is live  │
//	POSTROUTING ─────────────────────────────▶ │ JARLOOP-POST                              │
//	                                           │   bridge→bridge       NETMAP              │
//	                                           │   127.0.0.0/8→bridge  MASQUERADE          │
//	filter                                     │                                           │
//	FORWARD, DOCKER-USER ────────────────────▶ │ JARLOOP-FWD  ACCEPT sent on here, answers,│
//	                                           │              between containers           │
//	INPUT ───────────────────────────────────▶ │ JARLOOP-IN   DROP containers→127/8        │
//	                                           │ JARLOOP-SELF to a virtual IP, not sent    │
//	                                           │              on ──▶ JARLOOP-REFUSE        │
//	                                           └───────────────────────────────────────────┘
//
// All rules are computed as one value from routes (layout), compared with what
// there is (difference), and the result is given to iptables-restore. The kernel
// takes a table whole or not at all, so a switch of any number of services is one
// act: a new connection meets the old targets or the new ones. Connections that
// are open keep theirs, because the nat table is only asked about the first packet
// of each. A service without a target has an empty chain, and its port refuses
// connections.
//
// While connections to a service are held (package relay), TCP to its virtual IP and
// to its published ports goes to the port of the relay instead, and INPUT lets that
// through.
//
// A virtual IP belongs to the bridge itself, as one of many, so that the VM
// answers ARP for it; containers and the VM reach the live generation by it, with
// every protocol and port. Without a target it refuses, also for what of the VM's
// own listens on every address. The live generation sees who asks by an address of
// the NETMAP subnet: 10.0.3.131 as 10.128.3.131; see post. Without virtual IPs,
// JARLOOP-POST has a masquerade instead. The kernel sends no ICMP redirects about
// connections with DNAT (nf_nat_icmp_reply_translation), so send_redirects may be
// on.
//
// A target may be outside of the containers: where a name leads out, or to which a
// person has diverted a service. Its port can be another than the one that callers
// know. What goes there passes FORWARD and INPUT by rules of its own, and leaves in
// the VM's name, so that answers come back through the VM.
//
// Every rule has a comment that begins with "jarloop", and every address a label
// that ends in ":jarloop". Chains named JARLOOP or JARLOOP-… and rules that jump
// to them are ours; all others are left as they are and in their order.
//
// One way is closed: where frames inside the bridge pass iptables (br_netfilter,
// which Docker loads), a container that asks a port of the VM or a virtual IP that
// points to itself gets no answer, as the bridge sends no frame back to where it
// came from.
//
// Everything is IPv4, as on LXC's own bridge. What is computed are functions of
// values; what reads and changes the VM is kept thin and behind kernel and Files.
package network
