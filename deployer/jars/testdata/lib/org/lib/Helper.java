package org.lib;

public class Helper {
    public static String text() {
        return "helps";
    }
}
