package jarloop.example;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The settings of one service, from a file in the smallest useful subset of YAML: one
 * {@code key: value} a line at the left margin.
 *
 * <ul>
 *   <li>Keys are lower-case letters, digits, {@code _} and {@code -}, and occur once.
 *   <li>A value is the rest of the line. It may stand in single or double quotes; there are
 *       no escapes.
 *   <li>{@code #} at the start of a line, or after a blank outside of quotes, begins a
 *       comment.
 *   <li>No lists, nothing nested, no values over several lines.
 * </ul>
 *
 * <p>Errors are {@link IllegalArgumentException}s that name the file and the line.
 */
public final class Config {
    private static final class Entry {
        final String value;
        final int line;

        Entry(String value, int line) {
            this.value = value;
            this.line = line;
        }
    }

    private final Path file;
    private final Map<String, Entry> unread;
    private final Map<String, Entry> entries;

    private Config(Path file, Map<String, Entry> entries) {
        this.file = file;
        this.entries = entries;
        this.unread = new LinkedHashMap<>(entries);
    }

    /** Reads the whole file; later changes of it are not seen. */
    public static Config read(Path file) throws IOException {
        try {
            return parse(file, Files.readAllLines(file, StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new IOException("read " + file + ": " + e, e);
        }
    }

    static Config parse(Path file, List<String> lines) {
        Map<String, Entry> entries = new HashMap<>();
        int number = 0;
        for (String line : lines) {
            number++;
            if (line.isBlank() || line.stripLeading().startsWith("#")) {
                continue;
            }
            int colon = line.indexOf(':');
            if (colon < 1 || !isKey(line.substring(0, colon)) || !blankAt(line, colon + 1)) {
                throw wrong(file, number, "want \"key: value\", have \"" + line + "\"");
            }
            String key = line.substring(0, colon);
            Entry entry = new Entry(value(file, number, line.substring(colon + 1).strip()), number);
            if (entries.put(key, entry) != null) {
                throw wrong(file, number, key + " stands twice");
            }
        }
        return new Config(file, entries);
    }

    /** The value of a key that has to be there. */
    public String text(String key) {
        unread.remove(key);
        Entry entry = entries.get(key);
        if (entry == null || entry.value.isEmpty()) {
            throw new IllegalArgumentException(file + ": no value for " + key);
        }
        return entry.value;
    }

    /** The value of a key, or {@code otherwise} where the file does not have it. */
    public String text(String key, String otherwise) {
        return entries.containsKey(key) ? text(key) : otherwise;
    }

    /** The value of a key as a number from {@code least} to {@code most}. */
    public int number(String key, int least, int most) {
        String value = text(key);
        try {
            int number = Integer.parseInt(value);
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException notANumber) {
            // Said below, like a number that is out of range.
        }
        throw wrong(file, entries.get(key).line,
                key + " wants a number from " + least + " to " + most + ", not \"" + value + "\"");
    }

    /** Throws if the file has a key that nobody asked for: most likely a slip of the pen. */
    public void rejectUnread() {
        for (Map.Entry<String, Entry> left : unread.entrySet()) {
            throw wrong(file, left.getValue().line, "nothing is called " + left.getKey());
        }
    }

    private static String value(Path file, int line, String text) {
        char first = text.isEmpty() ? ' ' : text.charAt(0);
        if (first != '"' && first != '\'') {
            int comment = text.startsWith("#") ? 0 : text.indexOf(" #");
            return comment < 0 ? text : text.substring(0, comment).strip();
        }
        int end = text.indexOf(first, 1);
        if (end < 0) {
            throw wrong(file, line, "a quote is not closed");
        }
        String rest = text.substring(end + 1).strip();
        if (!rest.isEmpty() && !rest.startsWith("#")) {
            throw wrong(file, line, "\"" + rest + "\" follows the closing quote");
        }
        return text.substring(1, end);
    }

    private static boolean isKey(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-') {
                return false;
            }
        }
        return true;
    }

    private static boolean blankAt(String line, int index) {
        return index >= line.length() || Character.isWhitespace(line.charAt(index));
    }

    private static IllegalArgumentException wrong(Path file, int line, String what) {
        return new IllegalArgumentException(file + ":" + line + ": " + what);
    }
}
