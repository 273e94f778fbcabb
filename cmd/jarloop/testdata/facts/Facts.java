package apps;

import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeMap;
import java.util.jar.JarFile;
import java.util.jar.Manifest;

/** Prints what a program sees of its class path: of the names in the file that FACTS names. */
public final class Facts {
    private Facts() {}

    public static void print() {
        String file = System.getenv("FACTS");
        if (file == null) {
            return;
        }
        try {
            for (String name : Files.readAllLines(Path.of(file))) {
                System.out.println("fact " + name + " = " + (name.endsWith(".class") ? ofPackage(name) : ofResource(name)));
            }
        } catch (Exception e) {
            System.out.println("fact: " + e);
        }
    }

    private static String ofPackage(String name) {
        String type = name.substring(0, name.length() - ".class".length()).replace('/', '.');
        try {
            Package p = Class.forName(type, false, Facts.class.getClassLoader()).getPackage();
            return p.getImplementationTitle() + ", " + p.getImplementationVersion() + ", " + p.getImplementationVendor()
                + ", " + p.getSpecificationTitle() + ", " + p.getSpecificationVersion() + ", " + p.isSealed();
        } catch (Throwable t) {
            return t.getClass().getName();
        }
    }

    private static String ofResource(String name) throws Exception {
        ClassLoader loader = Thread.currentThread().getContextClassLoader();
        if (name.endsWith("/")) { // how many parts have it says nothing to anybody
            return loader.getResource(name) == null ? "none" : "folder";
        }
        List<String> all = new ArrayList<>();
        for (URL url : Collections.list(loader.getResources(name))) {
            all.add(content(url));
        }
        if (name.equals(JarFile.MANIFEST_NAME)) { // the libraries that are put together have the application's too
            return attributes(Facts.class.getResource("/" + name));
        }
        URL first = Facts.class.getResource("/" + name);
        return (first == null ? "none" : content(first)) + " of " + all;
    }

    private static String attributes(URL url) throws Exception {
        TreeMap<String, String> all = new TreeMap<>();
        try (InputStream in = url.openStream()) {
            new Manifest(in).getMainAttributes().forEach((key, value) -> all.put(key.toString(), value.toString()));
        }
        return all.toString();
    }

    private static String content(URL url) throws Exception {
        try (InputStream in = url.openStream()) {
            byte[] sum = MessageDigest.getInstance("SHA-256").digest(in.readAllBytes());
            return HexFormat.of().formatHex(sum, 0, 4);
        }
    }
}
