package jarloop.example;

/** Writes one JSON object, its members in the order in which they are added. */
public final class Json {
    private final StringBuilder out = new StringBuilder("{");

    /** Adds a string. */
    public Json text(String key, String value) {
        StringBuilder quoted = new StringBuilder(value.length() + 2);
        quote(quoted, value);
        return raw(key, quoted.toString());
    }

    /** Adds a value that is JSON already; it is not looked into. */
    public Json raw(String key, String json) {
        if (out.length() > 1) {
            out.append(',');
        }
        quote(out, key);
        out.append(':').append(json);
        return this;
    }

    /** The object as it is by now. */
    @Override
    public String toString() {
        return out + "}";
    }

    private static void quote(StringBuilder out, String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ' || Character.isSurrogate(c)) {
                // A lone surrogate has no UTF-8; a pair is as good in this form.
                String hex = Integer.toHexString(c);
                out.append("\\u").append("0000", 0, 4 - hex.length()).append(hex);
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }
}
