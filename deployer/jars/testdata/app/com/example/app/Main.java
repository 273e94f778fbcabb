package com.example.app;

import java.io.InputStream;
import java.lang.reflect.Field;
import java.net.JarURLConnection;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.ServiceLoader;
import java.util.TreeSet;
import org.lib.Lib;

/** Prints what a program can see of its class path. */
public class Main implements Lib.Service {
    public static void main(String[] args) throws Exception {
        System.out.println("arguments " + Arrays.asList(args));
        System.out.println("file " + Path.of(Main.class.getProtectionDomain().getCodeSource().getLocation().toURI()).getFileName());
        for (Class<?> c : new Class<?>[] {Main.class, Lib.class}) {
            Package p = c.getPackage();
            System.out.println(p.getName() + " " + p.getImplementationTitle() + " " + p.getImplementationVersion() + " " + p.getSpecificationVersion());
        }
        System.out.println("release " + Lib.release());
        for (Lib.Service s : ServiceLoader.load(Lib.Service.class)) {
            System.out.println("service " + s.name());
        }
        for (String name : new String[] {"app.txt", "org/lib/lib.txt", "com/example/app/own.txt", "static/index.html", "META-INF/maven/g/a/pom.properties", "none"}) {
            System.out.println("resource " + name + " = " + text(Main.class.getClassLoader().getResource(name)));
            System.out.println("stream " + name + " = " + (ClassLoader.getSystemResourceAsStream(name) != null));
        }
        for (String folder : new String[] {"com/example/app/", "org/lib/", "static/", "META-INF/things/", "org/"}) {
            System.out.println("folder " + folder + " = " + listed(folder));
        }
        try {
            Field value = String.class.getDeclaredField("value");
            value.setAccessible(true);
            System.out.println("open");
        } catch (RuntimeException e) {
            System.out.println("closed " + e.getClass());
        }
        System.out.println("manifest " + new java.util.jar.Manifest(ClassLoader.getSystemResourceAsStream("META-INF/MANIFEST.MF")).getMainAttributes().getValue("Built-For"));
        System.out.println("helper " + Class.forName("org.lib.Helper").getDeclaredMethod("text").invoke(null));
    }

    @Override
    public String name() {
        return "of the application";
    }

    private static String text(URL url) throws Exception {
        if (url == null) {
            return "null";
        }
        try (InputStream in = url.openStream()) {
            return new String(in.readAllBytes());
        }
    }

    /** What frameworks do that look for classes in a package. */
    private static TreeSet<String> listed(String folder) throws Exception {
        TreeSet<String> all = new TreeSet<>();
        List<URL> urls = new ArrayList<>(Collections.list(Main.class.getClassLoader().getResources(folder)));
        for (URL url : urls) {
            ((JarURLConnection) url.openConnection()).getJarFile().stream()
                .map(e -> e.getName()).filter(n -> n.startsWith(folder)).forEach(all::add);
        }
        return all;
    }
}
