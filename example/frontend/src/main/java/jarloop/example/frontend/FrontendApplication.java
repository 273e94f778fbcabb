package jarloop.example.frontend;

import jarloop.example.Answer;
import jarloop.example.Application;
import jarloop.example.Config;
import jarloop.example.Upstream;
import java.io.IOException;
import java.io.InputStream;

/** What people see: the start page, and the answer that it is made of. Calls person. */
public final class FrontendApplication extends Application {
    private static final String DOES = "Shows people the system.";

    private Upstream person;
    private Answer page;

    private FrontendApplication() {
        super("frontend");
    }

    public static void main(String[] args) {
        new FrontendApplication().run(args);
    }

    @Override
    protected void configure(Config config) throws IOException {
        person = upstream(config, "person");
        // Read now and not when asked for: a JAR that is replaced later still has its old page.
        try (InputStream html = FrontendApplication.class.getResourceAsStream("index.html")) {
            page = new Answer(200, "text/html; charset=utf-8", html.readAllBytes());
        }
    }

    @Override
    protected Answer get(String path) throws Upstream.Failure {
        return switch (path) {
            case "/" -> page;
            case "/api" -> answer(DOES, person);
            default -> null;
        };
    }
}
