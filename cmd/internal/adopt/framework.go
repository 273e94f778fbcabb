package adopt

import (
	"archive/zip"
	"slices"
	"strings"
)

// frameworks are looked for in this order: those that bring others first.
var frameworks = []framework{
	{"Dropwizard", "dropwizard-core-", "io/dropwizard/", "http", 8080, nil},
	{"Quarkus", "io.quarkus.quarkus-core-", "io/quarkus/runtime/", "http", 8080,
		[]part{{"health", "io.quarkus.quarkus-smallrye-health-", "io/quarkus/smallrye/health/"}}},
	{"Micronaut", "micronaut-http-server-", "io/micronaut/http/server/", "http", 8080,
		[]part{{"health", "micronaut-management-", "io/micronaut/management/"}, {"security", "micronaut-security-", "io/micronaut/security/"}}},
	{"Helidon", "helidon-webserver-", "io/helidon/webserver/", "http", 0, nil},
	{"Spring MVC", "spring-webmvc-", "org/springframework/web/servlet/", "http", 8080, spring},
	{"Spring WebFlux", "spring-webflux-", "org/springframework/web/reactive/", "http", 8080, spring},
	{"Javalin", "javalin-", "io/javalin/", "http", 0, nil},
	{"Vert.x", "vertx-core-", "io/vertx/core/", "", 0, nil},
	{"gRPC", "grpc-core-", "io/grpc/", "grpc", 0, nil},
	{"Spring Boot", "spring-boot-", "org/springframework/boot/", "", 0, nil},
}

var spring = []part{
	{"health", "spring-boot-actuator-", "org/springframework/boot/actuate/"},
	{"security", "spring-security-web-", "org/springframework/security/web/"},
}

// servers are the libraries that listen, by which a program without a framework of
// the web is known to listen all the same.
var servers = []part{
	{"", "tomcat-embed-core-", "org/apache/catalina/"}, {"", "jetty-server-", "org/eclipse/jetty/server/"},
	{"", "undertow-core-", "io/undertow/"}, {"", "reactor-netty-http-", "reactor/netty/http/server/"},
}

// holds finds the beginnings of entries that tell frameworks.
func holds(files []*zip.File) map[string]bool {
	there := map[string]bool{}
	look := func(classes string) {
		there[classes] = slices.ContainsFunc(files, func(f *zip.File) bool { return strings.HasPrefix(f.Name, classes) })
	}
	for _, f := range frameworks {
		look(f.classes)
		for _, p := range f.parts {
			look(p.classes)
		}
	}
	for _, p := range servers {
		look(p.classes)
	}
	return there
}

// includes says whether a library is in the archive, or beside it.
func (a *archive) includes(library, classes string) bool {
	return a.holds[classes] || slices.ContainsFunc(a.libraries, func(l string) bool { return strings.HasPrefix(l, library) })
}

// recognise finds the framework.
func (a *archive) recognise() {
	for i := range frameworks {
		if f := &frameworks[i]; a.includes(f.library, f.classes) {
			a.framework = f
			return
		}
	}
}

// with says whether a part of its framework is there.
func (a *archive) with(name string) bool {
	return slices.ContainsFunc(a.framework.parts, func(p part) bool { return p.name == name && a.includes(p.library, p.classes) })
}

// answers are the statuses of a server that is up, whatever it thinks of a request.
var answers = []string{"200-499"}

// fromFramework takes what is usual for what nothing else says.
func fromFramework(s *service) {
	f := s.runs.framework
	if f == nil {
		return
	}
	listens := slices.ContainsFunc(servers, func(p part) bool { return s.runs.includes(p.library, p.classes) })
	if f.name == "Spring Boot" && !listens {
		s.worker.learn("Spring Boot", "built with Spring Boot, without a web server")
		return
	}
	s.port.learn(f.port, f.name+"'s own, since nothing says otherwise")
	if f.speaks == "http" && s.health.path == "" {
		s.health = health{path: "/", status: answers, note: f.name + " speaks HTTP; any answer but an error of the server's will do"}
	}
}
