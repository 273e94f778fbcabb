// Package adopt reads what lies in a shared folder and writes a configuration
// that runs it, with a comment on everything that was guessed.
//
//	volume-frontend/FrontendApplication.jar   a service, its command and Java's version
//	               /config.yml                its port, and whom it calls
//	upstart/frontend.conf                     its command, as the original system ran it
//	volume-nginx-conf.d/                      nginx in front: whom it calls, and its port
//
// Nothing in the folder is changed, or followed out of it. What cannot be
// translated is in Notes, and in the comments.
package adopt

import "errors"

// ErrNothing says that a folder has no volume-<service> in it.
var ErrNothing = errors.New("there is no volume-<service> folder in it: name the folder that your build writes to")

const (
	prefix     = "volume-"
	nginxName  = "nginx-conf.d"
	guessed    = "GUESS: "
	usualPort  = 8080
	serviceJRE = 61 // the class version of Java 17, which Debian 12 has
)

// Layout is what was found.
type Layout struct {
	Dir       string // the shared folder, absolute
	Interface string // the VM's, by which requests come in
	Notes     []string
	// Unprivileged says that the machine runs containers whose root is nobody
	// outside, which the bases are to be for then.
	Unprivileged bool

	services []service
}

// service is one service as it will be written. A comment follows its key.
type service struct {
	name, about      string
	nginx            bool
	source, target   string
	exec, execNote   string
	port             int
	portNote         string
	needs            []string
	logs             []string
	users, makes     []string
	run              []string // of its base
	reload           string
	version          int // of its main class
	notes            []string
	folder           folder
	targetNote, note string
}

// Services gives the names of the services that were found.
func (l *Layout) Services() []string {
	var names []string
	for _, s := range l.services {
		names = append(names, s.name)
	}
	return names
}
