import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

/**
 * The service that the benchmark redeploys: {@code java -jar Service.jar PORT [DELAY_MILLIS]}.
 *
 * <p>It answers / with the content of the JAR's entry "version" once the delay is over, and
 * /download/PARTS/MILLIS with that many parts of 4096 bytes, at that distance. As little as a
 * service can be, so that what is measured is not its own.
 */
public final class Service implements HttpHandler {
    private static final int PART = 4096;

    private final byte[] version;

    private Service(byte[] version) {
        this.version = version;
    }

    public static void main(String[] args) throws IOException, InterruptedException {
        byte[] version;
        try (InputStream in = Service.class.getResourceAsStream("version")) {
            version = in.readAllBytes();
        }
        if (args.length > 1) {
            Thread.sleep(Long.parseLong(args[1]));
        }
        // Head and body leave as two writes; with Nagle's algorithm the second waits up to
        // 40 ms for the acknowledgement of the first.
        System.setProperty("sun.net.httpserver.nodelay", "true");
        HttpServer server = HttpServer.create(new InetSocketAddress(Integer.parseInt(args[0])), 0);
        server.createContext("/", new Service(version));
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.start();
    }

    @Override
    public void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String[] path = exchange.getRequestURI().getPath().split("/");
            if (path.length == 4 && path[1].equals("download")) {
                download(exchange, Integer.parseInt(path[2]), Long.parseLong(path[3]));
                return;
            }
            exchange.sendResponseHeaders(200, version.length);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(version);
            }
        }
    }

    /** Sends parts that all differ: the number of each, filled up with its lowest byte. */
    private static void download(HttpExchange exchange, int parts, long millis) throws IOException {
        exchange.sendResponseHeaders(200, (long) parts * PART);
        try (OutputStream out = exchange.getResponseBody()) {
            for (int i = 0; i < parts; i++) {
                byte[] part = new byte[PART];
                java.util.Arrays.fill(part, (byte) i);
                byte[] number = (i + "\n").getBytes(StandardCharsets.US_ASCII);
                System.arraycopy(number, 0, part, 0, number.length);
                out.write(part);
                out.flush();
                Thread.sleep(millis);
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }
}
