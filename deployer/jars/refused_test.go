package jars

import (
	"testing"
)

func TestWhatCannotBeTrueToJavaJarIsRefused(t *testing.T) {
	const plain = "Main-Class: com.example.Main\n"
	classes := of("com/example/Main.class", "org/lib/L.class")
	lib := with("BOOT-INF/lib/a.jar", archive(t, "", of("a/A.class", "META-INF/LICENSE=a", "application.yml=a")...))
	bootFiles := append(of("BOOT-INF/classes/com/example/App.class"), lib)
	for name, c := range map[string]struct {
		manifest string
		files    []file
		reason   string
	}{
		"without a main class":     {"X: y\n", classes, "has no Main-Class in its manifest"},
		"without a manifest":       {"", classes, "has no Main-Class in its manifest"},
		"without libraries":        {plain, classes[:1], "has no libraries but the project's own"},
		"with an option as main":   {"Main-Class: -version\n", classes, `has a main class, "-version", that is none`},
		"signed":                   {plain, append(of("META-INF/ME.SF"), classes...), `is signed ("META-INF/ME.SF")`},
		"signed, in small letters": {plain, append(of("META-INF/me.rsa"), classes...), `is signed ("META-INF/me.rsa")`},
		"sealed":                   {plain + "Sealed: true\n", classes, "is sealed, so that a package's classes have to be in one JAR"},
		"a sealed package":         {plain + "\nName: org/lib/\nSealed: true\n", classes, "is sealed, so that a package's classes have to be in one JAR"},
		"an agent":                 {plain + "Launcher-Agent-Class: a.A\n", classes, "has Launcher-Agent-Class in its manifest, which counts with java -jar alone"},
		"PropertiesLauncher":       {"Main-Class: org.springframework.boot.loader.launch.PropertiesLauncher\nStart-Class: a.A\n", bootFiles, "is started by Spring Boot's PropertiesLauncher, whose class path is a matter of settings (loader.path)"},
		"another launcher":         {"Main-Class: org.springframework.boot.loader.OtherLauncher\n", bootFiles, `is started by a launcher of Spring Boot that is not known, "org.springframework.boot.loader.OtherLauncher"`},
		"without a Start-Class":    {"Main-Class: org.springframework.boot.loader.JarLauncher\n", bootFiles, "has no Start-Class in its manifest"},
		"Quarkus":                  {"Main-Class: io.quarkus.bootstrap.runner.QuarkusEntryPoint\nClass-Path: lib/a.jar\n", classes, "is started by Quarkus' runner, which loads classes in a way of its own"},
		"JARs inside":              {plain, append(of("libs/a.jar"), classes...), `has JARs in it ("libs/a.jar"), which only what loads them knows`},
		"beans.xml":                {plain, append(of("META-INF/beans.xml"), classes...), "has META-INF/beans.xml, which is about all that is in one JAR with it"},
		"a class in both":          {boot, append(of("BOOT-INF/classes/a/A.class=other"), bootFiles...), `has "a/A.class" in the application's part and, with other content, in "BOOT-INF/lib/a.jar"; the application's has to come first`},
		"a resource in both":       {boot, append(of("BOOT-INF/classes/application.yml"), bootFiles...), `has "application.yml" in the application's part and, with other content, in "BOOT-INF/lib/a.jar"; the application's has to come first`},
		"one name outside, too":    {boot, append(of("BOOT-INF/classes/x.txt", "x.txt"), bootFiles...), `has two different entries, "x.txt" and "BOOT-INF/classes/x.txt", for one name`},
		"devtools":                 {boot, append(bootFiles, with("BOOT-INF/lib/spring-boot-devtools-4.0.7.jar", archive(t, "", of("b/B.class")...))), "has Spring Boot's devtools, which take a start without its launcher for one in an IDE"},
		"a library that is none":   {boot, append(of("BOOT-INF/lib/notes.txt"), bootFiles...), `has a library, "BOOT-INF/lib/notes.txt", that is not a JAR (it begins with "BOOT-INF/lib/not"); build it again`},
	} {
		t.Run(name, func(t *testing.T) {
			equal(t, "reason", refused(t, put(t, t.TempDir(), "app.jar", archive(t, c.manifest, c.files...)), Known{}), c.reason)
		})
	}
}

func TestWhatIsReadWholeStaysInOrder(t *testing.T) {
	lib := with("BOOT-INF/lib/a.jar", archive(t, "", of("a/A.class", "META-INF/LICENSE=a", "META-INF/services/s=a", "META-INF/services/same=same", "META-INF/spring/x.imports=a", "META-INF/spring.factories=a",
		"same.txt=same", "module-info.class=a", "META-INF/maven/g/a/pom.xml=a", "META-INF/a.kotlin_module=a", "META-INF/beans.xml=a")...))
	files := append(of("BOOT-INF/classes/META-INF/LICENSE", "BOOT-INF/classes/META-INF/services/s", "BOOT-INF/classes/META-INF/services/own", "BOOT-INF/classes/META-INF/services/same=same",
		"BOOT-INF/classes/META-INF/spring/x.imports", "BOOT-INF/classes/META-INF/spring.factories",
		"BOOT-INF/classes/same.txt=same", "BOOT-INF/classes/module-info.class", "META-INF/maven/g/a/pom.xml", "BOOT-INF/classes/META-INF/a.kotlin_module", "BOOT-INF/classes/META-INF/beans.xml"), lib)
	s := open(t, put(t, t.TempDir(), "app.jar", archive(t, boot, files...)), Known{})
	equal(t, "libraries", places(s), "first.jar BOOT-INF/lib/a.jar")
	equal(t, "before them", names(t, library(t, s, "first.jar")), "META-INF/services/s META-INF/spring.factories META-INF/spring/x.imports")
	equal(t, "the application's part", names(t, written(t, s.WriteApp)), "META-INF/LICENSE META-INF/a.kotlin_module META-INF/beans.xml META-INF/maven/g/a/pom.xml META-INF/services/own META-INF/services/same module-info.class same.txt")
}
