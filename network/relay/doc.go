// Package relay accepts the connections to a service while nothing of it runs, and
// passes them on when something does: no request is refused in between.
//
//	client ─▶ VIP or published port ─ DNAT ─▶ relay ┄┄ release ┄┄▶ the new generation, or the old one
//	                                           ▲
//	agent ─ Relays ─ control socket ───────────┘  run/relay-SERVICE.sock
//
// A relay is a process of its own for each service that is held, in a session of its
// own: it outlives the agent, whatever ends that. The next agent finds it by its
// socket, and says where what it holds shall go. With nobody to say so, everything
// that it holds gets an answer when its time is over, and it ends.
//
// It reads what a client sends, up to a bound, and sends nothing. From the port
// that was meant (SO_ORIGINAL_DST) it knows where the connection goes. Released, it
// copies both ways until both sides have ended, in the kernel (splice(2)), and ends
// itself with the last connection.
//
// What is too much or too long gets an answer: 503 with Retry-After where the client
// speaks HTTP/1, else a reset.
package relay
