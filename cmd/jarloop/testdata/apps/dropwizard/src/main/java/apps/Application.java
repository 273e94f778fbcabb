package apps;

import com.codahale.metrics.health.HealthCheck;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.dropwizard.core.Configuration;
import io.dropwizard.core.setup.Environment;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;

public class Application extends io.dropwizard.core.Application<Application.Settings> {
    public static void main(String[] args) throws Exception {
        new Application().run(args);
    }

    @Override
    public void run(Settings settings, Environment environment) throws Exception {
        Connection database = DriverManager.getConnection(settings.database);
        database.createStatement().execute("create table if not exists visit (id identity)");
        environment.jersey().register(new Pages(database));
        environment.healthChecks().register("database", new HealthCheck() {
            @Override
            protected Result check() throws SQLException {
                return database.isValid(1) ? Result.healthy() : Result.unhealthy("closed");
            }
        });
    }

    public static class Settings extends Configuration {
        @JsonProperty
        public String database;
    }

    @Path("/")
    public static class Pages {
        private final Connection database;

        Pages(Connection database) {
            this.database = database;
        }

        @GET
        public String version() {
            return "version 1";
        }

        @POST
        @Path("visits")
        public synchronized String visit() throws SQLException {
            database.createStatement().execute("insert into visit default values");
            return count();
        }

        @GET
        @Path("visits")
        public synchronized String count() throws SQLException {
            var rows = database.createStatement().executeQuery("select count(*) from visit");
            rows.next();
            return rows.getString(1);
        }
    }
}
