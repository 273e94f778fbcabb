package config

import (
	"context"
	"errors"
	"fmt"
	"maps"
)

// Source is what a configuration was read from: its file, and the files that its
// env_file keys name. It is a value.
type Source struct {
	Path  string
	Only  []string // the services that are wanted, with what they need; none: all
	file  content
	named []string           // by the last configuration that could be read
	files map[string]content // by path
}

// content is what a file is like at one moment: its bytes, or what is wrong.
type content struct {
	data []byte
	err  error
}

func (c content) same(o content) bool {
	return string(c.data) == string(o.data) && fmt.Sprint(c.err) == fmt.Sprint(o.err)
}

// Open reads a configuration to run with. What is wrong with a file of settings is an
// error, unless it lies in the share: what stands there may come later.
func Open(ctx context.Context, path string) (*Config, Source, error) {
	s, err := look(ctx, Source{Path: path})
	if err != nil {
		return nil, s, err
	}
	c, err := s.Parse()
	if err != nil {
		return nil, s, err
	}
	for _, name := range s.named {
		if _, err := s.variables(name); err != nil && !within(name, c.Watch.Dir) {
			return nil, s, err
		}
	}
	return c, s, nil
}

// Parse gives the configuration, and what the files of settings say. A service that
// lacks one of these is not ready.
func (s Source) Parse() (*Config, error) {
	if s.file.err != nil {
		return nil, s.file.err
	}
	c, err := Parse(s.Path, s.file.data)
	if err != nil {
		return nil, err
	}
	shared, why := s.all(c.EnvFile)
	for i := range c.Services {
		of := &c.Services[i]
		own, wrong := s.all(of.EnvFile)
		of.Environment = merged(shared, c.Env, own, of.Env)
		if err := errors.Join(why, wrong); err != nil {
			of.Environment, of.Unready = nil, FirstLine(err)
		}
	}
	if len(s.Only) == 0 {
		return c, nil
	}
	if err := c.only(s.Only); err != nil {
		return nil, err
	}
	return c, nil
}

// all gives the variables of files, of which a later one goes before an earlier.
func (s Source) all(files []string) (Variables, error) {
	var sum []Variables
	for _, name := range files {
		some, err := s.variables(name)
		if err != nil {
			return nil, err
		}
		sum = append(sum, some)
	}
	return merged(sum...), nil
}

func (s Source) variables(name string) (Variables, error) {
	c := s.files[name]
	if c.err != nil {
		return nil, c.err
	}
	return parseEnv(name, c.data)
}

// look reads all files that a source names, apart from the caller: the other side of a
// share may not answer. The error says that ctx has ended.
func look(ctx context.Context, was Source) (Source, error) {
	found := make(chan Source, 1)
	go func() { found <- was.again() }()
	select {
	case s := <-found:
		return s, nil
	case <-ctx.Done():
		return was, context.Cause(ctx)
	}
}

// again reads the source once more.
func (s Source) again() Source {
	data, err := Read(s.Path)
	now := Source{Path: s.Path, Only: s.Only, file: content{data, err}, named: s.named, files: map[string]content{}}
	dir := ""
	if err == nil {
		if c, err := Parse(s.Path, data); err == nil {
			now.named, dir = c.envFiles(), c.Watch.Dir
		}
	}
	for _, name := range now.named {
		data, err := readEnvFile(name, dir)
		now.files[name] = content{data, err}
	}
	return now
}

func (s Source) same(o Source) bool {
	return s.file.same(o.file) && maps.EqualFunc(s.files, o.files, content.same)
}
