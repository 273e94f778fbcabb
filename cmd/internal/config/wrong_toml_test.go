package config

import "testing"

// What is said where TOML itself is broken.
func TestWrongMalformed(t *testing.T) {
	refuses(t, []wrong{
		{"an empty file is no configuration",
			"",
			"config.toml: no service; add one, as in [service.frontend] with port = 8080 below it"},
		{"a file of comments only is no configuration",
			`# nothing
`,
			"config.toml: no service; add one, as in [service.frontend] with port = 8080 below it"},
		{"text without quotes",
			`[watch]
dir = /host
`,
			`config.toml:2:7: not valid TOML: unexpected character U+002F '/' at start of value; text stands in quotes, as in dir = "/host"`},
		{"a truth value that is misspelt",
			`[lxc]
standby = tru
`,
			`config.toml:2:11: not valid TOML: expected keyword "true"; text stands in quotes, as in dir = "/host"`},
		{"text without its closing quote",
			`[watch]
dir = "/host
`,
			"config.toml:2:13: not valid TOML: basic strings cannot have new lines; close the text with a quote on its line"},
		{"a header without its closing bracket",
			`[watch
`,
			"config.toml:1:7: not valid TOML: expected ']' to close table name"},
		{"text without its closing quote at the end of the file",
			`[watch]
dir = "/host`,
			"config.toml:2:12: not valid TOML: unterminated basic string; close the text with the quote it began with"},
		{"a key without a value",
			`[watch]
dir
`,
			"config.toml:2:4: not valid TOML: expected '=' after key"},
		{"an unfinished list, as in a half-written file",
			`[service.web]
needs = ["a",
`,
			"config.toml:2:14: not valid TOML: array is incomplete; close the list with ]"},
		{"two values on a line",
			`[service.web]
port = 8080 8081
`,
			"config.toml:2:13: not valid TOML: expected newline but got U+0038 '8'"},
		{"an unknown escape in text",
			`[watch]
dir = "C:\host"
`,
			"config.toml:2:10: not valid TOML: invalid escape character U+0068 'h'; a backslash is written \\\\, or the text put in single quotes"},
		{"a number with a leading zero",
			`[service.web]
port = 0800
`,
			"config.toml:2:8: not valid TOML: integers cannot have leading zeroes"},
		{"a number that is too large for any type",
			`[service.web]
port = 99999999999999999999
`,
			"config.toml:2:8: not valid TOML: decimal number is too large to fit in a 64-bit signed integer"},
		{"a key given twice",
			`[service.web]
port = 8080
needs = []
port = 8081
`,
			"config.toml:4:1: service.web.port: given twice, first on line 2; keep one of them"},
		{"a key given three times",
			`[service.web]
port = 1
port = 2
port = 3
`,
			"config.toml:3:1: service.web.port: given twice, first on line 2; keep one of them"},
		{"a table given twice",
			`[service.web]
port = 8080
[lxc]
[service.web]
drain = "1s"
`,
			"config.toml:4:10: service.web: given twice, first on line 1; keep one of them"},
		{"a key given twice inside braces",
			`[service.web]
port = 80
health = { path = "/", path = "/x" }
`,
			"config.toml:3:24: service.web.health.path: given twice, first on line 3; keep one of them"},
		{"a key given both dotted and in its table",
			`[service]
web.port = 80
[service.web]
port = 80
`,
			"config.toml:4:1: service.web.port: given twice, first on line 2; keep one of them"},
		{"a table that is a value already",
			`service = 3
[service.web]
`,
			"config.toml:2:2: not valid TOML: key service already exists as a value"},
		{"bytes that are not UTF-8",
			"[watch]\ndir = \"/h\xffst\"\n",
			"config.toml:2:10: not UTF-8 text; save it as UTF-8"},
		{"UTF-16 as PowerShell writes it",
			"\xff\xfe[\x00w\x00]\x00",
			"config.toml:1:1: not UTF-8 text; it looks like UTF-16, which PowerShell writes; save it as UTF-8"},
	})
}
