package apps;

import io.javalin.Javalin;

public class Application {
    public static void main(String[] args) {
        Javalin.create().get("/", c -> c.result("version 1")).start(7070);
    }
}
