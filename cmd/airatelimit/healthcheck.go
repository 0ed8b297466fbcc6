package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/config"
)

// healthcheckCmd is for images that have no shell, no curl, and nothing that resolves localhost.
type healthcheckCmd struct {
	Timeout time.Duration `default:"3s" help:"How long the answer may take."`
}

func (healthcheckCmd) Help() string {
	return "Requests /readyz of the server at HOST and PORT on this machine. Exits with 0 if the server is ready; otherwise prints the reason and exits with 1."
}

func (h healthcheckCmd) Run(ctx context.Context, a *app) error {
	cfg, err := config.Load(a.getenv)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(reachable(cfg.Host), strconv.Itoa(cfg.Port))+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("not serving: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // the needed part has been read
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil {
		return fmt.Errorf("not serving: %w", err)
	}
	answer := strings.TrimSpace(string(body))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", answer)
	}
	_, err = fmt.Fprintln(a.out, answer)
	return err
}

// reachable returns the address at which this machine reaches a server that listens on host; "" listens on all addresses.
func reachable(host string) string {
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}
