package jarloop.example.authentication;

import jarloop.example.Answer;
import jarloop.example.Application;
import jarloop.example.Upstream;

/** Says who somebody is. Calls nobody. */
public final class AuthenticationApplication extends Application {
    private static final String DOES = "Checks who somebody is.";

    private AuthenticationApplication() {
        super("authentication");
    }

    public static void main(String[] args) {
        new AuthenticationApplication().run(args);
    }

    @Override
    protected Answer get(String path) throws Upstream.Failure {
        return path.equals("/") ? answer(DOES) : null;
    }
}
