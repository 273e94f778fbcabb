// Package jars takes an executable JAR apart into the libraries, which stay from one
// build to the next, and the application's part, which the builds change.
//
//	person.jar ──┬── 3f2a…/spring-core-6.1.jar ┐
//	             ├── 91bc…/jackson-core.jar    │ Libraries[:Stable]: named by content
//	             ├── …                         ┘
//	             ├── 07de…/person-api.jar      Libraries[Stable:]: of the project itself
//	             └── person.jar                the application's part
//
//	java -jar person.jar   ≙   java Options -cp Libraries:person.jar Main
//
// The libraries come first on the class path, because an archive of class data covers
// a prefix of it. Whatever would behave otherwise than with java -jar is [Refused],
// with the reason.
//
// Four kinds of JARs can be taken apart: those of Spring Boot's launchers for a JAR
// and for a WAR, one-jar's, one with all classes in one place (shaded), and one whose
// manifest names its libraries (Class-Path). Of the last two, what a project's builds
// change is told by a [Rule], which grows as builds are seen.
//
// What stays different from java -jar: the system property java.class.path; where a
// library's classes come from (CodeSource), as stack traces may show; that more is
// found by the JVM's own class loader, but nothing below BOOT-INF/classes by that name;
// what a launcher itself prints; and which is the first of a folder's places, where the
// application has it as well as a library.
//
// Of launchers, their own classes and files are not there: Spring Boot's file system for
// nested JARs, what one-jar prints. A package of a JAR without entries for folders has its
// version, which Spring Boot's loader does not read; what one-jar gives more than once, in
// an order of its own, comes in that of the class path. What logs say of where a class is
// from reads differently.
package jars
