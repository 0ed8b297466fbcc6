package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/server"
)

type serveCmd struct{}

func (serveCmd) Run(ctx context.Context, a *app) error {
	cfg, err := config.Load(a.getenv)
	if err != nil {
		return err
	}
	opts := server.Options{Version: release(), Program: program()}
	if !cfg.LogJSON { // where the log is for people, what comes beside it is too
		opts.Out = a.out
	}
	return server.Run(ctx, cfg, opts)
}

// program is how the caller has called this program.
func program() string {
	if len(os.Args) == 0 || filepath.Base(os.Args[0]) == os.Args[0] {
		return "airatelimit"
	}
	return os.Args[0]
}
