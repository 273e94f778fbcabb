package rootfs

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jarloop/jarloop/deployer/base/internal/tool"
)

// always are the packages of every base that is built from a distribution: an
// init, what it is asked through, the tools that look at the network, and an
// answer to "who am I", without which a JVM that asks for its own host name
// waits for a name server.
var always = []string{"systemd", "systemd-sysv", "dbus", "iproute2", "ca-certificates", "libnss-myhostname"}

// stepOf matches mmdebstrap's own words for what it begins.
var stepOf = regexp.MustCompile(`^(running|downloading|extracting|installing|cleaning) `)

// mmdebstrap installs a distribution with its packages.
func mmdebstrap(ctx context.Context, r Recipe, root string, p Progress) error {
	p.Step("install " + r.Distribution)
	unsigned := false
	err := tool.Run(ctx, func(text string) {
		unsigned = unsigned || strings.Contains(text, "NO_PUBKEY") || strings.Contains(text, "is not signed")
		if step, is := strings.CutPrefix(text, "I: "); is && stepOf.MatchString(step) {
			p.Step(strings.TrimRight(step, "."))
			return
		}
		p.Line(text)
	}, "mmdebstrap", mmdebstrapArgs(r, root)...)
	if err != nil && unsigned {
		name, _ := r.System()
		return fmt.Errorf("this host lacks the keys of %s: apt-get install %s, or put them in /etc/apt/trusted.gpg.d: mmdebstrap: %w",
			r.Distribution, keyring(name), err)
	}
	if err != nil {
		return fmt.Errorf("mmdebstrap %s: %w", r.Distribution, err)
	}
	return nil
}

// mmdebstrapArgs gives the arguments that make root.
func mmdebstrapArgs(r Recipe, root string) []string {
	name, suite := r.System()
	args := []string{
		"--verbose", "--mode=root", "--format=directory", "--variant=minbase",
		"--include=" + strings.Join(slices.Concat(always, r.Packages), ","),
		"--dpkgopt=force-unsafe-io", // synced once, at the end of the build
		`--aptopt=Acquire::Languages "none"`,
		`--aptopt=Acquire::Retries "3"`,
	}
	if name == "ubuntu" {
		args = append(args, "--components=main,universe")
	}
	args = append(args, suite, root)
	if r.Mirror != "" {
		args = append(args, r.Mirror)
	}
	return args
}

// keyring names the package with a distribution's keys.
func keyring(name string) string {
	return map[string]string{
		"debian": "debian-archive-keyring",
		"ubuntu": "ubuntu-keyring (ubuntu-archive-keyring on Debian)",
	}[name]
}
