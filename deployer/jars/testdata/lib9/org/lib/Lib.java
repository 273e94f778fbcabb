package org.lib;

/** A library. */
public class Lib {
    public static String release() {
        return "for 9 and later";
    }

    /** What it finds by ServiceLoader. */
    public interface Service {
        String name();
    }

    public static class Own implements Service {
        @Override
        public String name() {
            return "of the library";
        }
    }
}
