package console

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
)

// noon is when everything happens in these tests.
var noon = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

// reader is for whom a console writes.
type reader struct {
	form   form
	colour bool
}

var (
	plainReader  = reader{form: forPerson}
	colourReader = reader{form: forPerson, colour: true}
	program      = reader{}
)

func (r reader) console(out io.Writer, services []string, now func() time.Time) *Console {
	return newConsole(toStream(out), r.form, r.colour, services, now)
}

// shown gives what the reader gets to see, colours as words.
func shown(r reader, services []string, tell func(*Console)) string {
	var out bytes.Buffer
	c := r.console(&out, services, func() time.Time { return noon })
	tell(c)
	flushed(c)
	return words.Replace(out.String())
}

// flushed shows what is held back.
func flushed(c *Console) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held.flush("")
}

// words make colours readable: <red>…</>.
var words = strings.NewReplacer(
	reset, "</>", dim, "<dim>", red, "<red>", green, "<green>", amber, "<amber>", palette[0], "<cyan>", palette[1], "<magenta>",
)

// view is one call of the console, and what each reader gets to see of it.
type view struct {
	name                  string
	tell                  func(*Console)
	plain, colour, asJSON string
}

func check(t *testing.T, views []view) {
	t.Helper()
	for _, v := range views {
		t.Run(v.name, func(t *testing.T) {
			for _, as := range []struct {
				name   string
				reader reader
				want   string
			}{
				{"plain", plainReader, v.plain}, {"in colour", colourReader, v.colour}, {"as JSON", program, v.asJSON},
			} {
				got := shown(as.reader, []string{"frontend", "web"}, v.tell)
				if want := lines(as.want); got != want {
					t.Errorf("%s\ngot:\n%swant:\n%s", as.name, got, want)
				}
			}
		})
	}
}

// lines lets an expected text begin on a line of its own, and end there.
func lines(text string) string {
	text = strings.Trim(text, "\n")
	if text == "" {
		return ""
	}
	return text + "\n"
}

func TestColumnsFitTheLongestName(t *testing.T) {
	long := strings.Repeat("a", 40)
	for _, c := range []struct {
		name     string
		services []string
		want     string
	}{
		{"no services: as wide as a word", nil, `
12:00:00 web      changed  a.jar
12:00:00          jarloop  hello
         web      │ GET /
`},
		{"short names: the same", []string{"web", "a"}, `
12:00:00 web      changed  a.jar
12:00:00          jarloop  hello
         web      │ GET /
`},
		{"a longer one", []string{"web", "authentication"}, `
12:00:00 web            changed  a.jar
12:00:00                jarloop  hello
         web            │ GET /
`},
		{"the longest that a name can be", []string{"web", long}, `
12:00:00 web                                      changed  a.jar
12:00:00                                          jarloop  hello
         web                                      │ GET /
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := shown(plainReader, c.services, func(c *Console) {
				c.Changed("web", "a.jar")
				c.Say("hello")
				prints("web-1", "GET /")(c)
			})
			if want := lines(c.want); got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
		})
	}
}

func TestANameThatIsTooLongIsShownWhole(t *testing.T) {
	got := shown(plainReader, []string{"web"}, func(c *Console) { c.Built("service-base", "service-base-3f2a") })
	if want := "12:00:00 service-base built    service-base-3f2a\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEachServiceHasItsColour(t *testing.T) {
	var services []string
	for i := range len(palette) + 1 {
		services = append(services, strings.Repeat("s", i+1))
	}
	var out bytes.Buffer
	c := colourReader.console(&out, services, func() time.Time { return noon })
	for i, s := range services {
		if got, want := c.colours[s], palette[i%len(palette)]; got != want {
			t.Errorf("service %d is in %q, want %q", i, got, want)
		}
	}
	// Nothing says so more plainly than red and green, which mean something else.
	for _, colour := range palette {
		if colour == red || colour == green {
			t.Errorf("a service is in %q, which means failed or live", colour)
		}
	}
}
