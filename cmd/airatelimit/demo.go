package main

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/server"
	"github.com/airatelimit/airatelimit/internal/store"
)

// demoSettings are the settings of an app with a free and a paid tier. UPSTREAM stands for the echo provider.
//
//go:embed demo.json
var demoSettings string

// demoCommands are the commands that the demo prints. URL, PROJECT_KEY and SECRET_KEY stand for the demo's own.
//
//go:embed demo.txt
var demoCommands string

type demoCmd struct{}

func (demoCmd) Help() string {
	return "Needs no account and no provider key: a built-in provider echoes each request. " +
		"All data is in a temporary folder, which is removed at the end."
}

func (demoCmd) Run(ctx context.Context, a *app) (err error) {
	dir, err := os.MkdirTemp("", "airatelimit-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	cfg, err := config.Load(demoEnvironment(a.getenv, dir))
	if err != nil {
		return err
	}
	upstream, stop, err := serveEcho()
	if err != nil {
		return err
	}
	defer stop()

	var rec project.Record
	var secretKey string
	return server.Run(ctx, cfg, server.Options{
		Setup: func(ctx context.Context, s *store.Store) error {
			settings, err := project.ParseSettings([]byte(strings.ReplaceAll(demoSettings, "UPSTREAM", upstream)))
			if err != nil {
				return fmt.Errorf("demo settings: %w", err)
			}
			rec, secretKey, err = s.CreateProject(ctx, settings)
			return err
		},
		Ready: func(addr net.Addr) {
			_, port, _ := net.SplitHostPort(addr.String())
			fmt.Fprint(a.out, strings.NewReplacer(
				"URL", "http://localhost:"+port, "PROJECT_KEY", rec.Key, "SECRET_KEY", secretKey).Replace(demoCommands))
		},
	})
}

// demoEnvironment is the caller's environment, without the variables of the caller's own installation.
func demoEnvironment(getenv func(string) string, dir string) func(string) string {
	return func(name string) string {
		switch name {
		case "DATA_DIR":
			return dir
		case "NODE_ENV", "APP_ENV":
			return "development" // in the image too, which is built for production
		case "DATABASE_URL", "JWT_SECRET", "ENCRYPTION_KEY", "ENCRYPTION_KEY_PREVIOUS":
			return ""
		case "ALLOW_PRIVATE_UPSTREAMS":
			return strconv.FormatBool(true)
		case "DRAIN_SECONDS":
			return "1"
		case "LOG_LEVEL":
			if level := getenv(name); level != "" {
				return level
			}
			return "warn" // so that log lines do not hide the printed commands
		}
		return getenv(name)
	}
}

// serveEcho serves the echo provider on a loopback address.
func serveEcho() (url string, stop func(), err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	provider := echo.New(echo.Options{})
	srv := &http.Server{Handler: provider}
	go srv.Serve(ln) //nolint:errcheck // ends with stop
	return "http://" + ln.Addr().String(), func() {
		provider.Close()
		_ = srv.Close()
	}, nil
}
