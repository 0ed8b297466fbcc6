package config

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/airatelimit/airatelimit/internal/project"
)

// tracesURL reads OpenTelemetry's variables: exact is the URL of traces, or else base gets the path of traces in OTLP.
func (e *env) tracesURL(base, exact string) string {
	name, path := exact, ""
	v := e.text(exact, "")
	if b := e.text(base, ""); v == "" {
		name, v, path = base, b, "/v1/traces"
	}
	if v == "" {
		return ""
	}
	u, ok := webURL(v)
	if !ok {
		e.fail("%s is not the address of a collector: give one like http://localhost:4318, without user, query or fragment", name)
		return ""
	}
	return strings.TrimRight(u.String(), "/") + path
}

// loopback reads a host and port that only this machine can reach.
func (e *env) loopback(name string) string {
	v := e.text(name, "")
	if v == "" {
		return ""
	}
	host, port, err := net.SplitHostPort(v)
	ip, _ := netip.ParseAddr(host)
	if _, notNumber := strconv.ParseUint(port, 10, 16); err != nil || notNumber != nil || host != "localhost" && !ip.IsLoopback() {
		e.fail("%s is %s, which is not a loopback address with a port: give one like 127.0.0.1:6060, because profiles show what is in memory", name, shown(v))
		return ""
	}
	return v
}

// prices reads the file of prices that a variable names.
func (e *env) prices(name string) *project.PriceBook {
	path := e.text(name, "")
	if path == "" {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		e.fail("%s: the file cannot be read: %v. Give the path of a JSON file (see docs/prices.md)", name, err)
		return nil
	}
	book, err := project.ParsePriceBook(data)
	if err != nil {
		e.fail("%s: in %s, %v. docs/prices.md lists the fields of an entry", name, path, err)
	}
	return book
}
