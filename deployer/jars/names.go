package jars

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"iter"
	"path"
	"slices"
	"strings"
)

// entry is one of a JAR, under the name that it has in the part that it goes to.
type entry struct {
	name string
	*zip.File
}

// index is what is kept of the names of a JAR, to find those that another has too: for
// each a hash of the name and the entry's checksum, sorted. It is to be had without
// reading the JAR again, and takes a twelfth of the memory of the names.
type index []byte

const (
	sizeOfHash   = 8 // bytes, FNV-1a
	sizeOfRecord = sizeOfHash + 4
)

func (x index) len() int             { return len(x) / sizeOfRecord }
func (x index) hash(i int) uint64    { return binary.BigEndian.Uint64(x[i*sizeOfRecord:]) }
func (x index) record(i int) []byte  { return x[i*sizeOfRecord : (i+1)*sizeOfRecord] }
func (x index) content(i int) uint32 { return binary.BigEndian.Uint32(x[i*sizeOfRecord+sizeOfHash:]) }

// hashed is an entry of a list by the hash of its name.
type hashed struct {
	hash uint64
	at   int32 // in the list
}

// hashes sorts a list of entries by the hashes of their names. Those of one name stay
// in order.
func hashes(entries []entry) []hashed {
	all := make([]hashed, len(entries))
	h, buf := fnv.New64a(), []byte(nil)
	for i, e := range entries {
		h.Reset()
		buf = append(buf[:0], e.name...)
		_, _ = h.Write(buf)
		all[i] = hashed{h.Sum64(), int32(i)}
	}
	slices.SortFunc(all, func(a, b hashed) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.at, b.at))
	})
	return all
}

// indexOf gives the index of those names of which it matters where on the class path
// they are.
func indexOf(entries []entry, sorted []hashed) index {
	x := make(index, 0, len(sorted)*sizeOfRecord)
	for _, h := range sorted {
		if e := entries[h.at]; !isIdle(e.name) {
			x = binary.BigEndian.AppendUint64(x, h.hash)
			x = binary.BigEndian.AppendUint32(x, e.CRC32)
		}
	}
	return x
}

// clashes gives the records of one index whose name another has too, with other
// content, and there.
func clashes(a, b index) iter.Seq2[int, int] {
	return func(yield func(i, j int) bool) {
		for i, j := 0, 0; i < a.len() && j < b.len(); {
			switch order := bytes.Compare(a.record(i)[:sizeOfHash], b.record(j)[:sizeOfHash]); {
			case order < 0:
				i++
			case order > 0:
				j++
			default:
				if a.content(i) != b.content(j) && !yield(i, j) {
					return
				}
				i, j = i+1, j+1
			}
		}
	}
}

// Names of which several may be on the class path. What ends in / is a folder with all
// that is below, and * is any part of a file's name.
var (
	// idle are read by nobody at run time, or of a certain JAR, or say of the JAR that
	// they are in what is in it.
	idle = []string{
		manifestName, "META-INF/INDEX.LIST", "module-info.class", "META-INF/*.kotlin_module",
		"META-INF/maven/", "META-INF/native-image/", "META-INF/proguard/", "META-INF/licenses/",
		"META-INF/spring-configuration-metadata.json", "META-INF/additional-spring-configuration-metadata.json",
		"META-INF/beans.xml", "META-INF/persistence.xml", "META-INF/web-fragment.xml", "META-INF/jandex.idx", "META-INF/micronaut/",
	}
	// whole are read of every JAR, and what is in them used in the order of the class
	// path.
	whole = []string{
		"META-INF/services/",
		// Spring
		"META-INF/spring/*.imports", "META-INF/spring/*.replacements", "META-INF/spring/aot.factories", "META-INF/spring.factories", "META-INF/spring.components",
		"META-INF/spring.handlers", "META-INF/spring.schemas", "META-INF/spring.tooling", "META-INF/spring.integration.properties", "META-INF/spring-autoconfigure-metadata.properties",
		// others
		"META-INF/aop.xml", "META-INF/microprofile-config.properties", "META-INF/io.netty.versions.properties", "META-INF/cxf/bus-extensions.txt",
		"META-INF/hk2-locator/default", "META-INF/groovy/org.codehaus.groovy.runtime.ExtensionModule", "META-INF/helidon/",
		"META-INF/org/apache/logging/log4j/core/config/plugins/Log4j2Plugins.dat",
	}
	// texts are how the names of files begin that people read.
	texts = []string{"LICENSE", "LICENCE", "NOTICE", "DEPENDENCIES", "COPYRIGHT", "COPYING", "README", "CHANGES", "CHANGELOG", "AUTHORS", "ABOUT", "ASL2.0", "LGPL2.1", "AL2.0"}
)

// isIdle says whether it is no matter where on the class path a name is.
func isIdle(name string) bool {
	if strings.HasSuffix(name, "/") {
		return true // a folder
	}
	dir, base := path.Split(name)
	if dir != "" && !strings.HasPrefix(name, "META-INF/") {
		return false
	}
	if coveredBy(idle, name) || isManifest(name) || isSignature(name) || strings.HasPrefix(name, versions) && base == "module-info.class" {
		return true
	}
	upper := strings.ToUpper(base)
	return (dir == "" || dir == "META-INF/") && slices.ContainsFunc(texts, func(t string) bool { return strings.HasPrefix(upper, t) })
}

// isWhole says whether all that have a name are read, and not the first one alone.
func isWhole(name string) bool { return coveredBy(whole, name) }

func coveredBy(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return covers(p, name) })
}

func covers(pattern, name string) bool {
	if strings.HasSuffix(pattern, "/") {
		return strings.HasPrefix(name, pattern)
	}
	before, after, found := strings.Cut(pattern, "*")
	if !found {
		return name == pattern
	}
	rest, ok := strings.CutPrefix(name, before)
	return ok && strings.HasSuffix(rest, after) && !strings.Contains(rest, "/")
}

const (
	manifestName = "META-INF/MANIFEST.MF"
	versions     = "META-INF/versions/" // of classes for a release of Java and later ones
)

// isManifest says whether a name is the manifest's, which as in Java may be in any case.
func isManifest(name string) bool {
	return len(name) == len(manifestName) && strings.EqualFold(name, manifestName)
}

// isSignature says whether a name is that of a file that signs a JAR (JAR File
// Specification, "Signed JAR File").
func isSignature(name string) bool {
	dir, base := path.Split(name)
	if !strings.EqualFold(dir, "META-INF/") {
		return false
	}
	ext := strings.ToUpper(path.Ext(base))
	return slices.Contains([]string{".SF", ".DSA", ".RSA", ".EC"}, ext) || strings.HasPrefix(strings.ToUpper(base), "SIG-")
}
