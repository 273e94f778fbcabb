package adopt

import (
	"fmt"
	"net"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/cmd/internal/config"
)

// dataFolder is where a service runs whose data are at a place relative to that.
const dataFolder = "/data"

var (
	fileDatabase   = regexp.MustCompile(`^jdbc:(?:h2:(?:file:)?|hsqldb:file:|derby:(?:directory:)?|sqlite:(?:file:)?)([^:;?]+)`)
	memoryDatabase = regexp.MustCompile(`^jdbc:(?:h2:(?:mem|tcp|ssl|zip|nio)|hsqldb:(?:mem|res|hsql)|derby:(?:memory|//)|sqlite::memory)`)
	serverHost     = regexp.MustCompile(`^(?:jdbc:|r2dbc:|mongodb(?:\+srv)?:|redis[s]?:|amqps?:)(?:[a-z0-9+:]*:)?(?://|thin:@/{0,2})(?:[^@/]*@)?(\[[^\]]+\]|[A-Za-z0-9._-]+)(?::([0-9]+))?`)
	backingKey     = regexp.MustCompile(`^spring\.(?:data\.)?(redis|mongodb|rabbitmq|mail|elasticsearch)\.host$`)
)

// fromDatabases finds where a service keeps data, and which servers it wants that
// are none of the services.
func fromDatabases(s *service) {
	s.each(func(t text, set setting) {
		where := fmt.Sprintf("%s:%d", t.name, set.line)
		switch {
		case memoryDatabase.MatchString(set.value):
		case fileDatabase.MatchString(set.value):
			s.addData(fileDatabase.FindStringSubmatch(set.value)[1], where)
		case serverHost.MatchString(set.value):
			m := serverHost.FindStringSubmatch(set.value)
			s.wants = append(s.wants, want{host: m[1], port: m[2], where: where})
		case backingKey.MatchString(relaxed(set.key)):
			s.wants = append(s.wants, want{host: set.value, where: where})
		case relaxed(set.key) == "spring.kafka.bootstrapservers" || relaxed(set.key) == "kafka.bootstrap.servers":
			for server := range strings.SplitSeq(set.value, ",") {
				if host, port, err := net.SplitHostPort(strings.TrimSpace(server)); err == nil {
					s.wants = append(s.wants, want{host: host, port: port, where: where})
				}
			}
		}
	})
}

// addData takes over the folder of a database's files. One that is relative to the
// folder where the command runs is given one to run in, since the target goes with
// each generation.
func (s *service) addData(file, where string) {
	file = strings.TrimSpace(strings.ReplaceAll(file, `\`, "/"))
	folder, note := path.Dir(path.Clean(file)), "the database of "+where
	if !path.IsAbs(file) {
		if strings.HasPrefix(file, "~") || strings.ContainsAny(file, "${}") || s.dir != "" && within(s.dir, s.target.value) {
			s.notes = append(s.notes, fmt.Sprintf("%s: the database at %s does not outlive a deploy: name a place for it, as in jdbc:h2:file:/data/db, and add data = [\"/data\"]", where, file))
			return
		}
		if s.dir == "" {
			s.dir = dataFolder
			note += ", which is relative to where the command runs"
		}
		folder = s.dir
	}
	s.keepData(folder, note, where+": the database in "+folder)
}

// keepData keeps a folder over generations, or complains that what is in it goes.
func (s *service) keepData(folder, note, what string) {
	if config.WrongTarget(folder) != "" || len(folder) > 80 || within(folder, s.target.value) || within(s.target.value, folder) {
		s.notes = append(s.notes, what+" does not outlive a deploy: name another place for it, and that in data")
		return
	}
	inside := func(d told[string]) bool { return within(d.value, folder) }
	if !slices.ContainsFunc(s.data, func(d told[string]) bool { return within(folder, d.value) }) {
		s.data = append(slices.DeleteFunc(s.data, inside), told[string]{folder, note})
	}
}

func local(host string) bool {
	return slices.Contains([]string{"localhost", "127.0.0.1", "[::1]"}, host)
}

// sayWants says what a service calls that is not there.
func (l *Layout) sayWants(s *service) {
	for _, w := range s.wants {
		server := w.host
		if w.port != "" {
			server = net.JoinHostPort(w.host, w.port)
		}
		switch {
		case slices.Contains(l.names(), w.host), strings.Contains(w.host, "$"):
		case local(w.host) && l.listener(parsePort(w.port), s) != nil: // redirected
		case local(w.host):
			s.notes = append(s.notes, fmt.Sprintf("%s: %s is the container itself, where nothing else runs: name a service there%s", w.where, server, hint(w.port)))
		default:
			s.notes = append(s.notes, fmt.Sprintf("%s: %s is none of the services%s", w.where, server, hint(w.port)))
		}
	}
}
