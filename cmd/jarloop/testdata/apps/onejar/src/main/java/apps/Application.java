package apps;

import com.codahale.metrics.health.HealthCheck;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.dropwizard.Configuration;
import io.dropwizard.setup.Environment;
import java.util.Arrays;
import java.util.List;
import javax.ws.rs.GET;
import javax.ws.rs.Path;
import javax.ws.rs.Produces;
import javax.ws.rs.core.MediaType;

public class Application extends io.dropwizard.Application<Configuration> {
    public static void main(String[] args) throws Exception {
        new Application().run(args);
    }

    @Override
    public void run(Configuration configuration, Environment environment) {
        environment.jersey().register(new Pages());
        environment.healthChecks().register("persons", new HealthCheck() {
            @Override
            protected Result check() {
                return Result.healthy();
            }
        });
    }

    @Path("/")
    public static class Pages {
        @GET
        public String version() {
            return "version 1";
        }

        @GET
        @Path("persons")
        @Produces(MediaType.APPLICATION_JSON)
        public List<Person> persons() {
            return Arrays.asList(new Person("first"), new Person("second"));
        }
    }

    public static class Person {
        @JsonProperty
        public final String name;

        Person(String name) {
            this.name = name;
        }
    }
}
