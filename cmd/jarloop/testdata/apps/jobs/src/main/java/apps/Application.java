package apps;

import com.codahale.metrics.health.HealthCheck;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.dropwizard.Configuration;
import io.dropwizard.setup.Environment;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Map;
import javax.ws.rs.GET;
import javax.ws.rs.HeaderParam;
import javax.ws.rs.POST;
import javax.ws.rs.Path;
import javax.ws.rs.WebApplicationException;
import org.slf4j.LoggerFactory;

public class Application extends io.dropwizard.Application<Application.Settings> {
    public static void main(String[] args) throws Exception {
        new Application().run(args);
    }

    @Override
    public void run(Settings settings, Environment environment) throws Exception {
        Class.forName(settings.database.get("driverClass"));
        final Connection database = DriverManager.getConnection(settings.database.get("url"), settings.database.get("user"), "");
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
        public Map<String, String> database;
    }

    @Path("/")
    public static class Pages {
        private final Connection database;

        Pages(Connection database) {
            this.database = database;
        }

        @GET
        public String version(@HeaderParam("caller") String caller) {
            check(caller);
            return "version 1";
        }

        @GET
        @Path("allowed")
        public String allowed() {
            return "everybody";
        }

        @POST
        @Path("visits")
        public synchronized String visit(@HeaderParam("caller") String caller) throws SQLException {
            check(caller);
            database.createStatement().execute("insert into visit default values");
            LoggerFactory.getLogger(Application.class).info("a visit of {}", caller);
            ResultSet rows = database.createStatement().executeQuery("select count(*) from visit");
            rows.next();
            return rows.getString(1);
        }

        private static void check(String caller) {
            if (!"everybody".equals(caller)) {
                throw new WebApplicationException(403);
            }
        }
    }
}
