package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// The picture brings its own dark ground, so that it is the same on a light page
// and on a dark one. A character of a monospaced font is about 0.6 as wide as
// the font is high; each span is set to that exactly, whatever the font is.
const (
	fontSize   = 14
	cellWidth  = 8.4
	cellHeight = 19
	margin     = 14
	bar        = 32 // with the title

	sheet = `text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d6dbe1;white-space:pre}
.name{fill:#a3abb5;text-anchor:middle}
.bold{font-weight:bold}.dim{fill:#939ca7}
.black{fill:#939ca7}.red{fill:#ff7b72}.green{fill:#56d364}.yellow{fill:#e3b341}.blue{fill:#79b8ff}.magenta{fill:#d2a8ff}.cyan{fill:#5fd7d7}.white{fill:#d6dbe1}
.bright-black{fill:#939ca7}.bright-red{fill:#ffa198}.bright-green{fill:#7ee787}.bright-yellow{fill:#f2cc60}.bright-blue{fill:#a5d6ff}.bright-magenta{fill:#e2c5ff}.bright-cyan{fill:#8be9e9}.bright-white{fill:#ffffff}`
)

// svg draws the screen, columns wide or as wide as its longest row. about says
// what there is to see, for those who cannot.
func (s screen) svg(about string, columns int) string {
	for _, row := range s.Rows {
		columns = max(columns, utf8.RuneCountInString(row.String()))
	}
	width := int(float64(columns)*cellWidth) + 2*margin + 1
	height := bar + len(s.Rows)*cellHeight + 2*margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" role="img" aria-labelledby="about">`+"\n", width, height, width)
	fmt.Fprintf(&b, "<title id=\"about\">%s</title>\n<style>%s</style>\n", html.EscapeString(about), sheet)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="8" fill="#16191e"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<path d="M0 %d V8 a8 8 0 0 1 8 -8 H%d a8 8 0 0 1 8 8 V%d z" fill="#282d35"/>`+"\n", bar, width-8, bar)
	fmt.Fprintf(&b, `<text class="name" x="%d" y="21">%s</text>`+"\n", width/2, html.EscapeString(s.Title))
	for i, row := range s.Rows {
		fmt.Fprintf(&b, `<text class="row" y="%d" xml:space="preserve">`, bar+margin+i*cellHeight+fontSize)
		column := 0
		for _, span := range row {
			cells, style := utf8.RuneCountInString(span.Text), ""
			if span.Style != "" {
				style = fmt.Sprintf(" class=%q", span.Style)
			}
			fmt.Fprintf(&b, `<tspan x="%.1f" textLength="%.1f"%s>%s</tspan>`,
				margin+float64(column)*cellWidth, float64(cells)*cellWidth, style, html.EscapeString(span.Text))
			column += cells
		}
		b.WriteString("</text>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// read gives back the screen that an SVG of this program shows.
func read(svg string) (screen, error) {
	var drawn struct {
		Text []struct {
			Class string `xml:"class,attr"`
			Name  string `xml:",chardata"`
			Spans []struct {
				Style string `xml:"class,attr"`
				Text  string `xml:",chardata"`
			} `xml:"tspan"`
		} `xml:"text"`
	}
	if err := xml.Unmarshal([]byte(svg), &drawn); err != nil {
		return screen{}, fmt.Errorf("read a picture: %w", err)
	}
	if len(drawn.Text) == 0 || drawn.Text[0].Class != "name" {
		return screen{}, errors.New("read a picture: it is not of a screen")
	}
	s := screen{Title: drawn.Text[0].Name}
	for _, text := range drawn.Text[1:] {
		var r row
		for _, s := range text.Spans {
			r = append(r, span{s.Text, s.Style})
		}
		s.Rows = append(s.Rows, r)
	}
	return s, nil
}
