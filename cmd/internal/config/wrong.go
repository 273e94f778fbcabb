package config

// WrongName says what is wrong with the name of a service or base, and how to
// mend it; "" if nothing is.
func WrongName(name string) string { return badName(name) }

// WrongTarget says what is wrong with a service's folder inside the container,
// and how to mend it; "" if nothing is.
func WrongTarget(target string) string { return badTarget(target) }
