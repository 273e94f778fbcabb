package console

// Plain gives text that comes from elsewhere as one line that a terminal can
// be shown: without control characters and escape sequences.
func Plain(text string) string { return plain(text) }
