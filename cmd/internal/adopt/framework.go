package adopt

import (
	"slices"
	"strings"
)

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

// frameworks are looked for in this order: those that bring others first.
var frameworks = []framework{
	{"Dropwizard", "dropwizard-core-", "io/dropwizard/", "http", 8080, nil},
	{"Quarkus", "io.quarkus.quarkus-core-", "io/quarkus/runtime/", "http", 8080,
		[]part{{"health", "io.quarkus.quarkus-smallrye-health-", "io/quarkus/smallrye/health/"}}},
	{"Micronaut", "micronaut-http-server-", "io/micronaut/http/server/", "http", 8080,
		[]part{{"health", "micronaut-management-", "io/micronaut/management/"}}},
	{"Helidon", "helidon-webserver-", "io/helidon/webserver/", "http", 0, nil},
	{"Spring MVC", "spring-webmvc-", "org/springframework/web/servlet/", "http", 8080, actuator},
	{"Spring WebFlux", "spring-webflux-", "org/springframework/web/reactive/", "http", 8080, actuator},
	{"Javalin", "javalin-", "io/javalin/", "http", 0, nil},
	{"Vert.x", "vertx-core-", "io/vertx/core/", "", 0, nil},
	{"gRPC", "grpc-core-", "io/grpc/", "grpc", 0, nil},
	{"Spring Boot", "spring-boot-", "org/springframework/boot/", "", 0, nil},
}

var actuator = []part{{"health", "spring-boot-actuator-", "org/springframework/boot/actuate/"}}

// recognise finds the framework; holds says whether an entry begins so.
func (a *archive) recognise(holds func(string) bool) {
	there := func(library, classes string) bool {
		return slices.ContainsFunc(a.libraries, func(l string) bool { return strings.HasPrefix(l, library) }) || holds(classes)
	}
	for i := range frameworks {
		f := &frameworks[i]
		if !there(f.library, f.classes) {
			continue
		}
		a.framework = f
		for _, p := range f.parts {
			if there(p.library, p.classes) {
				a.has = append(a.has, p.name)
			}
		}
		return
	}
}

// uses says whether what runs is built with a framework, or one whose name begins so.
func (s *service) uses(name string) bool {
	return s.runs.framework != nil && strings.HasPrefix(s.runs.framework.name, name)
}

// fromFramework takes what is usual for what nothing else says.
func fromFramework(s *service) {
	f := s.runs.framework
	if f == nil {
		return
	}
	if f.name == "Spring Boot" {
		s.worker.learn("Spring Boot", "built with Spring Boot, without a web server")
		return
	}
	s.port.learn(f.port, f.name+"'s own, since nothing says otherwise")
}
