package main

import (
	"context"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/server"
)

type serveCmd struct{}

func (serveCmd) Run(ctx context.Context, a *app) error {
	cfg, err := config.Load(a.getenv)
	if err != nil {
		return err
	}
	opts := server.Options{Version: release(), Program: a.command()}
	if !cfg.LogJSON { // a text log is for people, who get the hint too
		opts.Out = a.out
	}
	return server.Run(ctx, cfg, opts)
}
