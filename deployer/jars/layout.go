package jars

import (
	"archive/zip"
	"os"
)

// Source is where a JAR is: in the folder of an artefact set.
type Source struct {
	Dir  string // of the set
	Name string // of the JAR, below Dir, slash-separated
	// Sum gives the SHA-256 of a file of the set in hexadecimal digits, "" if it is not
	// known. May be nil. It saves reading the libraries beside a JAR.
	Sum func(name string) string
}

// jar is what is taken apart.
type jar struct {
	from     Source
	root     *os.Root
	file     *os.File
	files    []*zip.File
	manifest manifest
}

// layout is a JAR as its launcher sees it.
type layout struct {
	kind     string
	main     string
	manifest manifest // of the application's part
	outer    manifest // of the JAR as it is
	app      []entry  // of the application's part; all there are if shaded
	places   []place  // of libraries, in the launcher's order
	follow   *jar     // the manifests of libraries add others, which are in this one's set
	shaded   bool     // app has libraries in it
	least    int      // of how many classes a library is made
	inOneJAR bool     // app is one JAR with java -jar too, whose order is its own
	oldJava  bool     // the launcher knows nothing of classes for releases of Java
}
