package com.example;

import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import org.lib.Words;

/** Says which build of it serves, and with which version of its library. */
public final class Shop {
    private Shop() {}

    public static void main(String[] args) throws Exception {
        byte[] text = (Words.of(Shop.class, "build.txt") + " with " + Words.version()).getBytes(StandardCharsets.UTF_8);
        HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
        server.createContext("/", exchange -> {
            exchange.sendResponseHeaders(200, text.length);
            exchange.getResponseBody().write(text);
            exchange.close();
        });
        server.start();
    }
}
