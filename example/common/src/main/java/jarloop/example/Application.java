package jarloop.example;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executors;

/**
 * What the five services share: {@code java -jar NAMEApplication.jar server config.yml}.
 *
 * <p>A service says which settings it wants in {@link #configure} and answers GET requests in
 * {@link #get}. Every answer names the build that gave it in the header
 * {@code X-Jarloop-Version}, as {@code frontend/1-3fa2c1}, and {@code /health} answers "ok".
 * Standard output gets one line at the start and one for each request. SIGTERM ends the
 * listening at once and the process, with status 0, when the running requests are answered.
 *
 * <p>Nothing on the way to the first answer is a lambda: the first one costs a JVM some 10 of the
 * 120 ms that it takes until then.
 */
public abstract class Application implements HttpHandler {
    /** More would only wait for the same upstream. */
    private static final int THREADS = 16;

    /**
     * Connections that wait to be accepted. With the default of 50 the kernel drops what comes in a
     * burst, and a client tries again only after a second.
     */
    private static final int BACKLOG = 1024;

    /** How long running requests may take once the process has been asked to end. */
    private static final long STOP_MILLIS = 10_000;

    private static final long QUIET_MILLIS = 100;

    private final String name;
    private final String version;
    private final String host;
    private final Requests requests = new Requests();
    private volatile boolean stopping;
    private String greeting;

    protected Application(String name) {
        this.name = name;
        String built = getClass().getPackage().getImplementationVersion();
        this.version = built == null ? "unbuilt" : built;
        this.host = hostName();
    }

    /** Reads the service's own settings. Called once, before the first request. */
    protected void configure(Config config) throws IOException {}

    /** Answers GET for a path; null where there is nothing. Called by many threads at once. */
    protected abstract Answer get(String path) throws Upstream.Failure;

    /** The upstream whose URL is the setting of the same name, with the setting timeout_ms. */
    protected final Upstream upstream(Config config, String upstream) {
        return new Upstream(upstream, config.text(upstream), config.number("timeout_ms", 1, 60_000));
    }

    /**
     * An answer that says who gave it and what it does, with the answers of the upstreams that
     * it calls for that, one after the other.
     */
    protected final Answer answer(String does, Upstream... upstreams) throws Upstream.Failure {
        StringBuilder calls = new StringBuilder("[");
        for (Upstream upstream : upstreams) {
            calls.append(calls.length() > 1 ? "," : "").append(upstream.call());
        }
        return Answer.json(200, myself().text("greeting", greeting).text("does", does).raw("calls", calls + "]"));
    }

    /** Serves until the process is told to end. Called by main, with its arguments. */
    protected final void run(String[] args) {
        if (args.length != 2 || !args[0].equals("server")) {
            quit(2, "usage: java -jar " + getClass().getSimpleName() + ".jar server CONFIG.yml");
        }
        try {
            Config config = Config.read(Path.of(args[1]));
            InetSocketAddress address =
                    new InetSocketAddress(config.text("bind", "0.0.0.0"), config.number("port", 1, 65535));
            greeting = config.text("greeting");
            configure(config);
            config.rejectUnread();
            listen(address);
        } catch (IllegalArgumentException e) {
            quit(2, e.getMessage());
        } catch (IOException e) {
            quit(1, e.getMessage());
        }
    }

    private void listen(InetSocketAddress address) throws IOException {
        // Head and body leave as two writes; with Nagle's algorithm the second waits up to
        // 40 ms for the acknowledgement of the first.
        System.setProperty("sun.net.httpserver.nodelay", "true");
        HttpServer server;
        try {
            server = HttpServer.create(address, BACKLOG);
        } catch (IOException e) {
            throw new IOException("listen on " + address + ": " + e, e);
        }
        server.createContext("/", this);
        server.setExecutor(Executors.newFixedThreadPool(THREADS));
        Runtime.getRuntime().addShutdownHook(new Thread("stop") {
            @Override
            public void run() {
                end(server);
            }
        });
        server.start();
        log(name + " " + version + " listening on " + address.getPort());
    }

    private void end(HttpServer server) {
        stopping = true;
        // stop() closes the listening socket first and then waits; in JDK 17 for the whole time
        // if nothing runs. So it waits beside us, and ends with the process.
        Thread closer = new Thread("close") {
            @Override
            public void run() {
                server.stop((int) (STOP_MILLIS / 1000));
            }
        };
        closer.start();
        try {
            requests.awaitQuiet(QUIET_MILLIS, STOP_MILLIS);
            // Ends the server's thread: a JVM waits 300 ms for one that is in a system call.
            server.stop(0);
        } catch (InterruptedException e) {
            // Somebody is in a hurry.
        }
        log(name + " " + version + " stopped");
        System.out.flush();
        // Without this the status would be 143, which supervisors take for a failure.
        Runtime.getRuntime().halt(0);
    }

    /** One request. The server calls it; nobody else does. */
    @Override
    public final void handle(HttpExchange exchange) {
        long start = System.nanoTime();
        requests.begin();
        String path = exchange.getRequestURI().getRawPath();
        String request = exchange.getRequestMethod() + " " + (path == null ? "" : path);
        try (exchange) {
            Answer answer = respond(exchange.getRequestMethod(), path == null ? "" : path);
            send(exchange, answer);
            log(request + " " + answer.status + " " + (System.nanoTime() - start) / 1_000_000 + "ms");
        } catch (IOException gone) {
            log(request + " not delivered: " + gone.getMessage());
        } finally {
            requests.end();
        }
    }

    private Answer respond(String method, String path) {
        if (!method.equals("GET") && !method.equals("HEAD")) {
            return problem(405, myself().text("error", "only GET and HEAD are answered"));
        }
        if (path.equals("/health")) {
            return Answer.text(200, "ok");
        }
        try {
            Answer answer = get(path);
            return answer != null ? answer : problem(404, myself().text("error", "nothing is at " + path));
        } catch (Upstream.Failure failure) {
            String body = failure.body() == null ? "[]" : "[" + failure.body() + "]";
            return problem(502, myself().raw("error", failure.json().toString()).raw("calls", body));
        } catch (RuntimeException e) {
            e.printStackTrace();
            return problem(500, myself().text("error", e.toString()));
        }
    }

    private void send(HttpExchange exchange, Answer answer) throws IOException {
        Headers headers = exchange.getResponseHeaders();
        headers.set("Content-Type", answer.type);
        headers.set("Cache-Control", "no-store");
        headers.set("X-Jarloop-Version", name + "/" + version);
        if (answer.status == 405) {
            headers.set("Allow", "GET, HEAD");
        }
        if (stopping) {
            headers.set("Connection", "close");
        }
        if (exchange.getRequestMethod().equals("HEAD")) {
            headers.set("Content-Length", Integer.toString(answer.body.length));
            exchange.sendResponseHeaders(answer.status, -1);
            return;
        }
        // A length of 0 would mean "unknown" here; no answer is empty.
        exchange.sendResponseHeaders(answer.status, answer.body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(answer.body);
        }
    }

    private static Answer problem(int status, Json json) {
        return Answer.json(status, json);
    }

    private Json myself() {
        return new Json().text("service", name).text("version", version).text("host", host);
    }

    /** The kernel's name of this host: in a container, the container's. It asks no resolver. */
    private static String hostName() {
        try {
            return Files.readString(Path.of("/proc/sys/kernel/hostname"), StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            return "";
        }
    }

    private static void log(String line) {
        System.out.println(line);
    }

    private void quit(int status, String why) {
        System.err.println(name + ": " + why);
        System.exit(status);
    }
}
