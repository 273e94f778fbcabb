package apps;

import io.vertx.core.Vertx;

public class Application {
    public static void main(String[] args) {
        Vertx.vertx().createHttpServer().requestHandler(r -> r.response().end("version 1")).listen(8888);
    }
}
