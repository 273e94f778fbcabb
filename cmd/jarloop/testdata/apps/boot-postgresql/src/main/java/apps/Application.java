package apps;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@SpringBootApplication
@RestController
public class Application {
    private final JdbcTemplate database;

    Application(JdbcTemplate database) {
        this.database = database;
        database.execute("create table if not exists visit (id serial primary key)");
    }

    public static void main(String[] args) {
        SpringApplication.run(Application.class, args);
    }

    @GetMapping("/")
    String version() {
        return "version 1";
    }

    @PostMapping("/visits")
    Long visit() {
        database.update("insert into visit default values");
        return count();
    }

    @GetMapping("/visits")
    Long count() {
        return database.queryForObject("select count(*) from visit", Long.class);
    }
}
