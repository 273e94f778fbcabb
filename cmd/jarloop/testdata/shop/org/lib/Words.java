package org.lib;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** A library of which there are versions. */
public final class Words {
    private Words() {}

    public static String version() throws IOException {
        return of(Words.class, "version.txt");
    }

    public static String of(Class<?> owner, String name) throws IOException {
        try (InputStream in = owner.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
