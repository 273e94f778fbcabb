package adopt

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
	rewire           string
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
