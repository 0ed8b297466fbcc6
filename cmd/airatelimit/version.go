package main

import (
	"cmp"
	"fmt"
	"runtime/debug"
)

// version is set by the linker in builds from the Makefile.
var version string

type versionCmd struct{}

func (versionCmd) Run(a *app) error {
	_, err := fmt.Fprintln(a.out, "airatelimit "+buildVersion())
	return err
}

// buildVersion is the release with the version of Go.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release()
	}
	return fmt.Sprintf("%s (%s)", release(), info.GoVersion)
}

// release is the linker's version, or else the module's version in the build info.
func release() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return cmp.Or(version, info.Main.Version, "unknown")
	}
	return cmp.Or(version, "unknown")
}
