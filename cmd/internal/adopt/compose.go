package adopt

import (
	"cmp"
	"fmt"
	"iter"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"go.yaml.in/yaml/v3"
)

// ignored are the keys of a service that need no counterpart.
var ignored = []string{"container_name", "hostname", "restart", "networks", "labels", "stdin_open", "tty", "init", "profiles", "pull_policy", "platform", "logging"}

// composed is one service of a compose file.
type composed struct {
	*job
	image string
}

// readCompose reads the services of a compose file: what of them has a counterpart
// here, and a line of what has not. An own subset, since what matters is to say by line
// what is not translated; the schema's library drops lines.
func readCompose(file, text string) []*job {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return []*job{{name: file, file: file, lost: fmt.Sprintf("%s: not translated: %v", file, err)}}
	}
	var jobs []*job
	if len(document.Content) == 0 {
		return nil
	}
	for name, node := range pairs(field(document.Content[0], "services")) {
		c := &composed{job: &job{name: fmt.Sprintf("%s:%d", file, name.Line), file: file, service: nameOf(name.Value)}}
		for key, value := range pairs(node) {
			if reason := c.take(key.Value, value); reason != "" {
				c.said = append(c.said, fmt.Sprintf("%s:%d: %s of %s: not translated: %s", file, key.Line, key.Value, c.service, reason))
			}
		}
		c.from = c.image
		c.lost = fmt.Sprintf("%s: %s: not translated: there is no folder for it", c.name, c.service)
		if c.image != "" {
			c.lost = fmt.Sprintf("%s: %s: not translated: a service is no image (%s): one without artefacts has a base and exec", c.name, c.service, c.image)
		}
		jobs = append(jobs, c.job)
	}
	return jobs
}

// pairs goes over the keys and values of a mapping, and of those that it merges.
func pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] { return merged(n, 5) }

// merged ends where a mapping merges itself.
func merged(n *yaml.Node, depth int) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for n != nil && n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if n == nil || n.Kind != yaml.MappingNode || depth == 0 {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if value.Kind == yaml.AliasNode {
				value = value.Alias
			}
			if key.Tag != "!!merge" {
				if !yield(key, value) {
					return
				}
				continue
			}
			for below, v := range merged(value, depth-1) {
				if field(n, below.Value) == nil && !yield(below, v) {
					return
				}
			}
		}
	}
}

// field gives the value of a key of a mapping, nil if it has none.
func field(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// texts gives a scalar, or the scalars of a list.
func texts(n *yaml.Node) []string {
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.ScalarNode:
		return []string{composeValue(n.Value)}
	case n.Kind != yaml.SequenceNode:
		return nil
	}
	var list []string
	for _, item := range n.Content {
		if item.Kind == yaml.ScalarNode {
			list = append(list, composeValue(item.Value))
		}
	}
	return list
}

// composeValue expands ${NAME:-default} as far as it goes without an environment.
func composeValue(value string) string {
	return strings.ReplaceAll(resolve(value, func(string) string { return "" }), "$$", "$")
}

// take takes the value of a key over, or says why not.
func (c *composed) take(key string, n *yaml.Node) string {
	switch key {
	case "image":
		c.image = n.Value
	case "build":
		context := n
		if n.Kind == yaml.MappingNode {
			context = field(n, "context")
		}
		if context != nil {
			c.folders = append(c.folders, path.Join(path.Dir(c.file), context.Value))
		}
	case "command", "entrypoint":
		return c.command(key, n)
	case "environment":
		return c.environment(n)
	case "env_file":
		for _, item := range append([]*yaml.Node{n}, n.Content...) {
			if at := field(item, "path"); at != nil {
				item = at
			}
			if item.Kind == yaml.ScalarNode {
				c.envFiles = append(c.envFiles, item.Value)
			}
		}
	case "depends_on", "links":
		c.needs = append(c.needs, texts(n)...)
		for name := range pairs(n) {
			c.needs = append(c.needs, name.Value)
		}
	case "ports":
		return c.portsOf(n)
	case "expose":
		for _, port := range texts(n) {
			c.port = cmp.Or(c.port, parsePort(port))
		}
	case "volumes":
		return c.volumes(n)
	case "working_dir":
		if path.IsAbs(n.Value) && plain(n.Value) == n.Value {
			c.dir = path.Clean(n.Value)
		}
	case "mem_limit":
		return c.limitMemory(composeValue(n.Value))
	case "cpus":
		return c.limitCPUs(composeValue(n.Value))
	case "deploy":
		limits := field(field(n, "resources"), "limits")
		for name, as := range map[string]string{"memory": "mem_limit", "cpus": "cpus"} {
			if value := field(limits, name); value != nil {
				if reason := c.take(as, value); reason != "" {
					return reason
				}
			}
		}
	case "healthcheck":
		return c.healthcheck(n)
	default:
		if !slices.Contains(ignored, key) {
			return "there is nothing like it"
		}
	}
	return ""
}

// command joins an entrypoint and a command, whichever comes first in the file.
func (c *composed) command(key string, n *yaml.Node) string {
	var line string
	if n.Kind == yaml.SequenceNode {
		line = shellescape.QuoteCommand(texts(n))
	} else {
		line = composeValue(n.Value)
	}
	if strings.ContainsRune(line, '\n') {
		return "it has several lines"
	}
	if key == "entrypoint" {
		c.exec = strings.TrimSpace(line + " " + c.exec)
	} else {
		c.exec = strings.TrimSpace(c.exec + " " + line)
	}
	return ""
}

func (c *composed) environment(n *yaml.Node) string {
	var lines []string
	lines = append(lines, texts(n)...)
	for key, value := range pairs(n) {
		lines = append(lines, key.Value+"="+composeValue(value.Value))
	}
	reason := ""
	for _, line := range lines {
		name, value, given := strings.Cut(line, "=")
		switch {
		case !given:
			reason = name + " is of the shell that called compose: give it a value"
		case !variableForm.MatchString(name):
			reason = fmt.Sprintf("%q is not the name of a variable", name)
		case plain(value) != value:
			reason = name + " has control characters"
		default:
			c.env = append(c.env, variable{name: name, value: value})
		}
	}
	return reason
}

var portForm = regexp.MustCompile(`^(?:(?:[0-9]+\.[0-9.]+|\[[0-9a-f:]+\]):)?(?:([0-9]+):)?([0-9]+)(?:/(tcp|udp))?$`)

func (c *composed) portsOf(n *yaml.Node) string {
	lines := texts(n)
	for _, item := range n.Content {
		if target := field(item, "target"); target != nil {
			line := target.Value
			if port := field(item, "published"); port != nil {
				line = composeValue(port.Value) + ":" + line
			}
			if protocol := field(item, "protocol"); protocol != nil {
				line += "/" + protocol.Value
			}
			lines = append(lines, line)
		}
	}
	for _, line := range lines {
		m := portForm.FindStringSubmatch(line)
		if m == nil {
			return fmt.Sprintf("%q is not one port", line)
		}
		p := published{parsePort(m[1]), parsePort(m[2]), m[3]}
		if p.protocol != "udp" {
			c.port = cmp.Or(c.port, p.to)
		}
		if p.port != 0 {
			c.publish = append(c.publish, p)
		}
	}
	return ""
}

// volumes takes a folder of the share for where artefacts come from, and any other
// for data.
func (c *composed) volumes(n *yaml.Node) string {
	lines := texts(n)
	for _, item := range n.Content {
		if source, target := field(item, "source"), field(item, "target"); target != nil {
			from := ""
			if source != nil {
				from = source.Value + ":"
			}
			lines = append(lines, from+target.Value)
		}
	}
	reason := ""
	for _, line := range lines {
		parts := strings.Split(line, ":")
		target := path.Clean(parts[min(1, len(parts)-1)])
		switch from := parts[0]; {
		case len(parts) == 1:
			c.data = append(c.data, target) // a volume without a name
		case path.IsAbs(from), strings.HasPrefix(from, "~"):
			reason = from + " is a folder of the machine: put what is in it into the base, or among the artefacts"
		case strings.HasPrefix(from, "."):
			c.mounts = append(c.mounts, mount{path.Join(path.Dir(c.file), from), target})
		default:
			c.data = append(c.data, target)
		}
	}
	return reason
}

var testedURL = regexp.MustCompile(`https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)[^\s"'|;]*`)

func (c *composed) healthcheck(n *yaml.Node) string {
	test := strings.Join(texts(field(n, "test")), " ")
	u, err := url.Parse(testedURL.FindString(test))
	if off := field(n, "disable"); off != nil && off.Value == "true" || test == "NONE" {
		return ""
	}
	if err != nil || u.Host == "" {
		return "no request to itself is in it; health = { command = … } runs one"
	}
	c.health = health{path: path.Join("/", u.EscapedPath()), scheme: u.Scheme, status: []string{"200-399"}, note: "as in " + c.name}
	if port, err := strconv.Atoi(u.Port()); err == nil {
		c.health.port = port
	}
	return ""
}
