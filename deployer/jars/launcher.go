package jars

import (
	"strings"
)

// lay finds out what starts a JAR, and so where its classes are.
func lay(j *jar) (layout, error) {
	main := mainClass(j.manifest.value("Main-Class"))
	switch main {
	case "":
		return layout{}, refuse("has no Main-Class in its manifest")
	case "org.springframework.boot.loader.JarLauncher", "org.springframework.boot.loader.launch.JarLauncher":
		return layBoot(j, "Spring Boot", "BOOT-INF/classes/", "BOOT-INF/lib/")
	case "org.springframework.boot.loader.WarLauncher", "org.springframework.boot.loader.launch.WarLauncher":
		return layBoot(j, "Spring Boot WAR", "WEB-INF/classes/", "WEB-INF/lib/", "WEB-INF/lib-provided/")
	case "org.springframework.boot.loader.PropertiesLauncher", "org.springframework.boot.loader.launch.PropertiesLauncher":
		return layout{}, refuse("is started by Spring Boot's PropertiesLauncher, whose class path is a matter of settings (loader.path)")
	case "io.quarkus.bootstrap.runner.QuarkusEntryPoint":
		return layout{}, refuse("is started by Quarkus' runner, which loads classes in a way of its own")
	case "com.simontuffs.onejar.Boot":
		return layOneJAR(j)
	}
	if strings.HasPrefix(main, "org.springframework.boot.loader.") {
		return layout{}, refuse("is started by a launcher of Spring Boot that is not known, %s", short(main))
	}
	return layPlain(j, main)
}
