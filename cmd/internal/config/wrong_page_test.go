package config

import "testing"

// What is said where the address of the page is wrong.
func TestWrongPage(t *testing.T) {
	const web = "[service.web]\nport = 8080\n"
	refuses(t, []wrong{
		{"a port alone",
			web + "[page]\nlisten = \"8079\"\n",
			`config.toml:4:1: page.listen: "8079" is not an address and a port; write it like "127.0.0.1:8079", or "off"`},
		{"a name",
			web + "[page]\nlisten = \"localhost:8079\"\n",
			`config.toml:4:1: page.listen: "localhost" is no address of this machine; write it like "127.0.0.1:8079", or "off"`},
		{"every port",
			web + "[page]\nlisten = \"127.0.0.1:0\"\n",
			`config.toml:4:1: page.listen: "127.0.0.1:0" is not an address and a port; write it like "127.0.0.1:8079", or "off"`},
		{"a port that is published, on an address where that counts",
			web + "[[publish]]\nport = 80\nservice = \"web\"\n[page]\nlisten = \"0.0.0.0:80\"\n",
			`config.toml:7:1: page.listen: 80 is published on line 3, for "web"; choose another port`},
	})
}

func TestAPageMayBeOffAndMayShareAPortOnLoopback(t *testing.T) {
	for _, listen := range []string{PageOff, "127.0.0.1:80", "[::1]:8079"} {
		text := "[service.web]\nport = 8080\n[[publish]]\nport = 80\nservice = \"web\"\n[page]\nlisten = \"" + listen + "\"\n"
		c, err := Parse("config.toml", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", listen, err)
		}
		if valid := c.Page.Address().IsValid(); valid == (listen == PageOff) {
			t.Errorf("%s: the address is valid: %v", listen, valid)
		}
	}
}
