package apps;

import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.runtime.Micronaut;

public class Application {
    public static void main(String[] args) {
        Micronaut.run(Application.class, args);
    }

    @Controller
    static class Pages {
        @Get(produces = "text/plain")
        String version() {
            return "version 1";
        }
    }
}
