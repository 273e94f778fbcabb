package main

import (
	"github.com/jarloop/jarloop/cmd/internal/config"
	"github.com/jarloop/jarloop/cmd/internal/exit"
)

// notOfCluster refuses what is done to containers of this machine alone.
func notOfCluster(c *config.Config, why string) error {
	if !c.Incus() {
		return nil
	}
	return exit.Usagef(`with engine.kind = "incus" %s`, why)
}

// enterOfCluster says how a shell is opened there.
func enterOfCluster(c *config.Config, container string) error {
	project := ""
	if c.Engine.Project != "default" {
		project = " --project " + c.Engine.Project
	}
	return notOfCluster(c, "a shell is opened by the client of Incus: incus exec"+project+" "+c.Engine.Owner+"-"+container+" -- sh")
}
