package jarloop.example.session;

import jarloop.example.Answer;
import jarloop.example.Application;
import jarloop.example.Upstream;

/** Says who is here. Calls nobody. */
public final class SessionApplication extends Application {
    private static final String DOES = "Remembers who is here.";

    private SessionApplication() {
        super("session");
    }

    public static void main(String[] args) {
        new SessionApplication().run(args);
    }

    @Override
    protected Answer get(String path) throws Upstream.Failure {
        return path.equals("/") ? answer(DOES) : null;
    }
}
