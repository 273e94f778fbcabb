package adopt

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"
)

// nginxTarget is where the configuration of nginx goes: /etc belongs to the base.
const nginxTarget = "/opt/nginx/conf"

// luaModules let Debian's nginx run what was written for openresty. Its own
// configuration, which would load them, is not the one that is used.
const luaModules = "load_module /usr/lib/nginx/modules/ndk_http_module.so; load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;"

var (
	nginxProgram = regexp.MustCompile(`(^|\s)((?:/[A-Za-z0-9._/-]*/)?(?:nginx|openresty))(\s.*|$)`)
	nginxFile    = regexp.MustCompile(`\s-c\s+["']?([^\s"']+)`)
	nginxPrefix  = regexp.MustCompile(`\s-p\s+["']?([^\s"']+)`)
	nginxDaemon  = regexp.MustCompile(`^\s*daemon\s`)
	luaDirective = regexp.MustCompile(`_by_lua|\blua_`)
	listen       = regexp.MustCompile(`^\s*listen\s+(?:\S*:)?([0-9]{1,5})[\s;]`)
	openresty    = regexp.MustCompile(`/usr/local/openresty/\S*`)
)

// fromNginx runs nginx as its job does, by Debian's program, else by a
// configuration that is whole, else by Debian's with these files in place of its
// conf.d.
func fromNginx(s *service) {
	if !s.nginx {
		return
	}
	s.packages = []string{"nginx-light"}
	global := s.nginxGlobals()
	switch {
	case s.exec.value != "":
		s.nginxJob(global)
	case slices.Contains(s.folder.files, "nginx.conf"):
		s.exec.learn("nginx -c "+s.target.value+"/nginx.conf"+options(global), "")
	default:
		s.exec.learn("nginx"+options(global), "there is no nginx.conf, so Debian's includes these files")
		s.run = append(s.run, "rm -f /etc/nginx/sites-enabled/default",
			"rm -rf /etc/nginx/conf.d && ln -s "+s.target.value+" /etc/nginx/conf.d")
	}
	s.nginxReload()
	for _, t := range s.folder.texts {
		for i, l := range t.lines {
			if m := listen.FindStringSubmatch(uncomment(l)); m != nil {
				s.port.learn(parsePort(m[1]), fmt.Sprintf("as in %s:%d", t.name, i+1))
			}
		}
	}
}

// nginxGlobals gives what its configuration does not say and has to: to stay in
// the foreground, and which modules to load.
func (s *service) nginxGlobals() []string {
	lua, daemon := false, false
	for _, t := range s.folder.texts {
		lua = lua || slices.ContainsFunc(t.lines, luaDirective.MatchString)
		daemon = daemon || t.name == s.source+"/nginx.conf" && slices.ContainsFunc(t.lines, nginxDaemon.MatchString)
	}
	var global []string
	if lua {
		s.packages = []string{"nginx", "libnginx-mod-http-lua"}
		global = append(global, luaModules)
	}
	if !daemon {
		global = append(global, "daemon off;") // which may be said once only
	}
	return global
}

// options gives directives as an option of nginx.
func options(global []string) string {
	if len(global) == 0 {
		return ""
	}
	return " -g " + shellescape.Quote(strings.Join(global, " "))
}

// nginxJob makes a job's command one of Debian's nginx.
func (s *service) nginxJob(global []string) {
	m := nginxProgram.FindStringSubmatch(s.exec.value)
	if m == nil {
		return
	}
	if file := nginxFile.FindStringSubmatch(m[3]); file != nil {
		s.moveTo(path.Join(s.nginxPrefix(), file[1]))
		m = nginxProgram.FindStringSubmatch(s.exec.value)
	}
	before := s.exec.value[:len(s.exec.value)-len(m[0])] + m[1]
	if strings.Contains(m[3], " -g") {
		global = nil
	}
	if strings.HasPrefix(m[2], "/usr/sbin/") || m[2] == "nginx" {
		s.exec.value = before + m[2] + options(global) + m[3]
		return
	}
	s.exec.value = before + "nginx" + options(global) + m[3]
	s.exec.note += ", by Debian's nginx in place of " + m[2]
	s.replaceOpenresty(m[2])
}

// nginxPrefix gives the folder that names in the command line are relative to.
func (s *service) nginxPrefix() string {
	if m := nginxPrefix.FindStringSubmatch(s.exec.value); m != nil {
		return m[1]
	}
	return "/usr/share/nginx"
}

// replaceOpenresty puts in a base what a configuration that was written for
// another build of nginx finds at that build's places.
func (s *service) replaceOpenresty(program string) {
	s.notes = append(s.notes, fmt.Sprintf("%s: Debian's nginx runs it in place of %s", s.source, program))
	for _, t := range s.folder.texts {
		for _, l := range t.lines {
			for _, file := range openresty.FindAllString(uncomment(l), -1) {
				file = strings.TrimRight(file, ";\"'")
				if path.Base(file) == "mime.types" {
					s.run = append(s.run, fmt.Sprintf("mkdir -p %s && ln -sf /etc/nginx/mime.types %s", path.Dir(file), file))
				}
			}
		}
	}
}

// nginxReload reloads by the same configuration that the command runs.
func (s *service) nginxReload() {
	s.reload = "nginx -s reload"
	m := nginxProgram.FindStringSubmatch(s.exec.value)
	if m == nil {
		return
	}
	rest, _, _ := strings.Cut(m[3], ">")
	rest = strings.Replace(rest, options([]string{"daemon off;"}), "", 1) // a reload starts no other
	if !strings.ContainsAny(rest, "&|`$()") {
		s.reload = strings.TrimSpace(m[2]+rest) + " -s reload"
	}
}
