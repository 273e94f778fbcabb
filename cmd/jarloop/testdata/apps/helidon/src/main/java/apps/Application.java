package apps;

import io.helidon.config.Config;
import io.helidon.webserver.WebServer;

public class Application {
    public static void main(String[] args) {
        Config config = Config.create();
        WebServer.builder()
            .config(config.get("server"))
            .routing(routes -> routes.get("/", (request, response) -> response.send("version 1")))
            .build()
            .start();
    }
}
