package jarloop.example;

import java.nio.charset.StandardCharsets;

/** What a request is answered with. */
public final class Answer {
    final int status;
    final String type;
    final byte[] body;

    /** The body is not copied. */
    public Answer(int status, String type, byte[] body) {
        this.status = status;
        this.type = type;
        this.body = body;
    }

    /** Plain text, in UTF-8. */
    public static Answer text(int status, String body) {
        return new Answer(status, "text/plain; charset=utf-8", body.getBytes(StandardCharsets.UTF_8));
    }

    /** JSON; its encoding is UTF-8 by definition (RFC 8259, section 8.1). */
    public static Answer json(int status, Json body) {
        return new Answer(status, "application/json", body.toString().getBytes(StandardCharsets.UTF_8));
    }
}
