package jarloop.example;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.MalformedURLException;
import java.net.Proxy;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.URL;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;

/**
 * Another service that this one calls.
 *
 * <p>Every call is a connection of its own. A kept connection would go on to lead to the
 * container that it was opened to after the name has moved, and would hold that container up
 * while it drains.
 *
 * <p>{@link HttpURLConnection} and not java.net.http: the newer client loads several hundred
 * classes more, all of them before the first answer after a start.
 */
public final class Upstream {
    /** More is no answer of a service of this system. */
    private static final int MAX_BODY = 1 << 20;

    private static final int CONNECT_MILLIS = 1000;

    private final String name;
    private final URL url;
    private final int timeoutMillis;

    /**
     * @param url where it answers, by a plain host name
     * @param timeoutMillis how long it may take to answer. The caller's own caller has to wait
     *     longer than this, or it never gets to know who it was that failed
     */
    Upstream(String name, String url, int timeoutMillis) {
        this.name = name;
        this.timeoutMillis = timeoutMillis;
        try {
            this.url = URI.create(url).toURL();
        } catch (IllegalArgumentException | MalformedURLException e) {
            throw new IllegalArgumentException(name + ": " + url + ": " + e.getMessage());
        }
        if (!this.url.getProtocol().equals("http")) {
            throw new IllegalArgumentException(name + ": " + url + ": want http://HOST:PORT/");
        }
    }

    /** The answer's JSON. */
    public String call() throws Failure {
        try {
            HttpURLConnection connection = (HttpURLConnection) url.openConnection(Proxy.NO_PROXY);
            connection.setRequestProperty("Connection", "close");
            connection.setConnectTimeout(CONNECT_MILLIS);
            connection.setReadTimeout(timeoutMillis);
            connection.setInstanceFollowRedirects(false);
            connection.setUseCaches(false);
            int status = connection.getResponseCode();
            String body = body(status < 400 ? connection.getInputStream() : connection.getErrorStream());
            String type = connection.getContentType();
            boolean json = type != null && type.startsWith("application/json") && !body.isEmpty();
            if (status == 200 && json) {
                return body;
            }
            throw new Failure(name, url, status == 200 ? "answered no JSON" : "answered " + status, json ? body : null);
        } catch (IOException e) {
            throw new Failure(name, url, reason(e), null);
        }
    }

    private String body(InputStream stream) throws IOException {
        if (stream == null) {
            return "";
        }
        try (stream) {
            byte[] bytes = stream.readNBytes(MAX_BODY + 1);
            if (bytes.length > MAX_BODY) {
                throw new IOException("answered more than " + MAX_BODY + " bytes");
            }
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }

    private String reason(IOException e) {
        if (e instanceof UnknownHostException) {
            return "no host is called " + url.getHost();
        }
        if (e instanceof SocketTimeoutException) {
            return "no answer in time (" + CONNECT_MILLIS + " ms to connect, " + timeoutMillis + " ms to answer)";
        }
        String message = e.getMessage();
        return message == null ? e.getClass().getSimpleName() : message;
    }

    /** A call that did not give what it should have. */
    public static final class Failure extends Exception {
        private final String upstream;
        private final URL url;
        private final transient String body;

        Failure(String upstream, URL url, String reason, String body) {
            super(reason);
            this.upstream = upstream;
            this.url = url;
            this.body = body;
        }

        /** Who failed, where and why. */
        Json json() {
            return new Json().text("upstream", upstream).text("url", url.toString()).text("reason", getMessage());
        }

        /** What it answered all the same, as JSON: its own story of what failed. Or null. */
        String body() {
            return body;
        }
    }
}
