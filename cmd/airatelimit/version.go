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

// buildVersion is the linker's, else that of `go install …@version`, else the commit it was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release()
	}
	return fmt.Sprintf("%s (%s)", release(), info.GoVersion)
}

// release is the version alone.
func release() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return cmp.Or(version, info.Main.Version, "unknown")
	}
	return cmp.Or(version, "unknown")
}
