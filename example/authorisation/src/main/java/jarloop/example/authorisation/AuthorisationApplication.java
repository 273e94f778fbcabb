package jarloop.example.authorisation;

import jarloop.example.Answer;
import jarloop.example.Application;
import jarloop.example.Upstream;

/** Says who may do what. Calls nobody. */
public final class AuthorisationApplication extends Application {
    private static final String DOES = "Knows who may do what.";

    private AuthorisationApplication() {
        super("authorisation");
    }

    public static void main(String[] args) {
        new AuthorisationApplication().run(args);
    }

    @Override
    protected Answer get(String path) throws Upstream.Failure {
        return path.equals("/") ? answer(DOES) : null;
    }
}
