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
	return server.Run(ctx, cfg, server.Options{Version: release()})
}
