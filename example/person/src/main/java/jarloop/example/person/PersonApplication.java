package jarloop.example.person;

import jarloop.example.Answer;
import jarloop.example.Application;
import jarloop.example.Config;
import jarloop.example.Upstream;

/** Knows people. Calls authorisation before it tells anything. */
public final class PersonApplication extends Application {
    private static final String DOES = "Knows everyone by name.";

    private Upstream authorisation;

    private PersonApplication() {
        super("person");
    }

    public static void main(String[] args) {
        new PersonApplication().run(args);
    }

    @Override
    protected void configure(Config config) {
        authorisation = upstream(config, "authorisation");
    }

    @Override
    protected Answer get(String path) throws Upstream.Failure {
        return path.equals("/") ? answer(DOES, authorisation) : null;
    }
}
