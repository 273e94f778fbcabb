// Package adopt reads what lies in a shared folder and writes a configuration
// that runs it, with a comment on everything that was guessed.
//
//	volume-frontend/FrontendApplication.jar   a service, its command and Java's version
//	               /config.yml                its port, and whom it calls
//	upstart/frontend.conf                     its command, as the original system ran it
//	volume-nginx-conf.d/                      nginx in front: whom it calls, and its port
//	person/target/person-1.0.jar              a service, where its build leaves it
//
// What is known of a service comes from sources (read.go), each of which is a file
// that turns bytes into facts. Nothing in the folder is changed, or followed out of
// it. What cannot be translated is in Notes, and in the comments.
package adopt

import (
	"cmp"
	"errors"

	"github.com/jarloop/jarloop/cmd/internal/join"
)

// ErrNothing says that there is no service in a folder.
var ErrNothing = errors.New("there is nothing in it that runs as a service")

const (
	prefix    = "volume-"
	nginxName = "nginx-conf.d"
	guessed   = "GUESS: "
	usualPort = 8080 // of those that take it from $PORT
)

// Layout is what was found.
type Layout struct {
	Dir   string // the shared folder, absolute
	Notes []string
	// Interface is the VM's by which requests come in; "" is that of the default route.
	Interface string
	// Unprivileged says that the machine runs containers whose root is nobody
	// outside, which the bases are to be for then.
	Unprivileged bool
	// Cluster makes the containers, or else this machine.
	Cluster *join.Cluster

	services []*service
	jobs     []*job
	with     []withBacking
}

// service is one service, and what is known of it.
type service struct {
	name    string
	nginx   bool
	source  string
	files   []string
	folder  folder
	scripts []string // its start scripts
	classes classes  // what is run where that is in no archive
	runs    archive  // what is run of its folder; zero if that is no archive
	jobs    []*job   // how it was run before
	shared  string   // the shared folder, absolute
	called  told[int]
	facts
}

// told is a value, and the comment that says where it is from.
type told[T cmp.Ordered] struct {
	value T
	note  string
}

// learn takes a value over unless one is known: sources are asked in the order in
// which they are believed.
func (t *told[T]) learn(value T, note string) {
	var none T
	if t.value == none && t.note == "" && value != none {
		*t = told[T]{value, note}
	}
}

// facts are what sources know of one service; what none knows is zero.
type facts struct {
	about        string
	exec, target told[string]
	arguments    told[string] // of the JAR
	dir          string       // where the command runs; "" is target
	env          []variable
	envFiles     []string
	calls        []string // names that a job says it needs, services or not
	port         told[int]
	worker       told[string] // how it shows that it listens on nothing
	health       health
	needs, knows []string
	layers       []layer // of the settings that hold
	data, logs   []told[string]
	wants        []want // servers that are none of the services
	reload       string
	memory, cpus told[string]

	// of its base
	base                        string
	users, makes, run, packages []string
	java                        int // the version that it wants; 0 if it does not say

	comments []string // before its table
	notes    []string // said, and written there too
}

// variable is one of the environment.
type variable struct{ name, value, note string }

// health is how a generation proves itself.
type health struct {
	path, note, scheme string
	port               int      // 0: the service's own
	status             []string // none: the default
}

// want is a server that settings name.
type want struct{ host, port, where string }

// layer is a file of settings that a program reads, or a part of it.
type layer struct {
	text
	reads func(part int) bool // nil: all of it
}

// text is a file that may name ports, hosts and folders.
type text struct {
	name     string // relative to the shared folder
	lines    []string
	settings []setting
}

// setting is one value of a file of settings.
type setting struct {
	key   string // as in server.connector.port; the items of a list have the list's key
	value string
	line  int
	part  int // which document of the file it is in, where "---" parts them
}

// folder is what one service's folder holds.
type folder struct {
	name     string   // relative to the shared folder; "." is that itself
	files    []string // relative to this one
	archives []archive
	natives  []string // programs for the machine itself
	texts    []text
}

// archive is a JAR or WAR, and what it says of itself.
type archive struct {
	name      string // relative to the service's folder
	main      string // its Main-Class; "" if java -jar cannot run it
	boot      string // its Spring-Boot-Version
	java      int    // the version of Java that its own classes are for; 0 if none was seen
	libraries []string
	framework *framework      // nil if none is known
	holds     map[string]bool // the beginnings of entries that tell frameworks
	settings  []text          // application.properties and the like inside
	err       error           // why it cannot be read
}

// framework is what is usual for programs that are built with one.
type framework struct {
	name    string
	library string // the beginning of its JAR's name
	classes string // the beginning of an entry, where all is in one JAR
	speaks  string // "http", "grpc", or "" for what listens on nothing
	port    int    // which it listens on where nothing says otherwise; 0 if its program says
	parts   []part
}

// part is a library that changes how a program is asked for its health.
type part struct{ name, library, classes string }

// classes are a program that is in no archive.
type classes struct {
	roots []string // folders of the class path, relative to the service's
	main  string
	note  string
	java  int // that they are for; 0: not known
}

// job is how a service was run before, in our words.
type job struct {
	name    string // where it is said, for comments
	file    string // which file that is, relative to the shared folder
	service string // what it calls the service
	from    string // the image that it runs, "" if none
	lost    string // what is said where it runs none of the services

	about        string
	exec         string   // a command line of the shell; "" if there was none, or none that fits
	dir          string   // where it runs; "" if the job does not say
	relative     bool     // names in exec are relative to the file's folder
	folders      []string // of the share that it is made of
	env          []variable
	envFiles     []string
	users        []string // that must be in the base
	makes        []string // folders that must be there
	logs         []string // files that it writes what it prints to
	data         []string
	mounts       []mount // of folders or files of the share
	publish      []published
	needs        []string
	port         int
	health       health
	image        bool     // names in exec are those of an image, which is built
	memory, cpus string   // its limits, as the configuration has them
	worker       bool     // it listens on nothing
	said         []string // what is kept by other means, or lost
}

// mount is a folder or file of the share, and where a job has it.
type mount struct{ from, to string }

// published is a port of the VM that a job publishes; to is one of the service.
type published struct {
	port, to int
	protocol string
}

// backing is a server that Debian packages, as a base and a service without
// artefacts. Its script is in the base; it takes the password of the environment, and
// makes what is missing among its data at each start.
type backing struct {
	name         string
	images       []string // that it stands in for, by the last part of their names
	pkg, unit    string   // Debian's, and what is not to start by itself, if anything is
	script       string
	port         int
	data, health string     // "" is none
	secret       string     // the name of the variable with its password, "" if it has none
	other        []variable // more of them
	image        []variable // those that are taken over where it stands in for an image, with what they are otherwise
	uses         string     // the env of who uses it, with %s for the password
}

// withBacking is one with its password.
type withBacking struct {
	backing
	service  string
	password string // "" is none
	job      *job   // that ran it, nil if it was asked for
}
