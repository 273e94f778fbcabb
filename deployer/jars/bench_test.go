package jars

import (
	"fmt"
	"math/rand"
	"testing"
)

// BenchmarkNested opens a JAR of Spring Boot with 100 libraries in 69 MB, of which the
// application's part has changed.
func BenchmarkNested(b *testing.B) {
	random := rand.New(rand.NewSource(1))
	var files []file
	for i := range 300 {
		files = append(files, of(fmt.Sprintf("BOOT-INF/classes/org/example/petclinic/package%d/Class%d.class", i%20, i))...)
	}
	for i := range 100 {
		var classes []file
		for j := range 400 {
			content := make([]byte, 1500)
			random.Read(content)
			classes = append(classes, file{name: fmt.Sprintf("org/library%d/package%d/SomeClassOfTheLibrary%d.class", i, j%20, j), content: string(content)})
		}
		files = append(files, with(fmt.Sprintf("BOOT-INF/lib/library-%d.0.jar", i), archive(b, "", classes...)))
	}
	from := put(b, b.TempDir(), "app.jar", archive(b, boot, files...))
	b.Run("unknown", func(b *testing.B) { opens(b, from, Known{}) })
	s := open(b, from, Known{})
	b.Run("known", func(b *testing.B) { opens(b, from, s.Known()) })
}

// BenchmarkShaded opens a JAR of 33,000 classes.
func BenchmarkShaded(b *testing.B) {
	files := of("com/example/Main.class")
	for i := range 33_000 {
		files = append(files, of(fmt.Sprintf("org/library%d/some/package%d/SomeClassOfTheLibrary%d.class", i%60, i%1500, i))...)
	}
	from := put(b, b.TempDir(), "app.jar", archive(b, shadedMain, files...))
	s := open(b, from, Known{})
	b.Run("open", func(b *testing.B) { opens(b, from, s.Known()) })
}

func opens(b *testing.B, from Source, known Known) {
	for b.Loop() {
		s, err := Open(b.Context(), from, known)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
