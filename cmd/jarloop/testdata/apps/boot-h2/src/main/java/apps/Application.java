package apps;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@SpringBootApplication
public class Application {
    public static void main(String[] args) {
        SpringApplication.run(Application.class, args);
    }

    @RestController
    static class Pages {
        private final Visits visits;

        Pages(Visits visits) {
            this.visits = visits;
        }

        @GetMapping("/")
        String version() {
            return "version 1";
        }

        @PostMapping("/visits")
        long visit() {
            visits.save(new Visit());
            return visits.count();
        }

        @GetMapping("/visits")
        long count() {
            return visits.count();
        }
    }
}
