package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Database says where projects and usage are stored.
type Database struct {
	// Location is what store.Open takes. It may hold a password: print Name.
	Location string
	// Path is the SQLite file, "" with PostgreSQL.
	Path string
	// Name is the location without credentials, for messages.
	Name string
	// Warning says how the connection is less than secure; "" if it is secure.
	Warning string
}

// Postgres reports whether the database is PostgreSQL, which several nodes may share.
func (d Database) Postgres() bool { return d.Path == "" }

// ParseDatabase reads a DATABASE_URL: sqlite:PATH, or postgresql:// with parameters. The certificate and name of a server
// on another machine are verified unless sslmode says otherwise. No error quotes the value, which may hold a password.
// Each error continues a sentence that begins with the variable's name.
func ParseDatabase(v string) (Database, error) {
	scheme, path, ok := strings.Cut(v, ":")
	switch {
	case ok && (scheme == "postgresql" || scheme == "postgres"):
		return parsePostgres(v)
	case !ok || scheme != "sqlite":
		return Database{}, errors.New("has an unknown form: leave it empty for a SQLite file in DATA_DIR, or give sqlite:path/to/file.db or postgresql://user:password@host/database")
	case path == "" || strings.HasPrefix(path, "//"):
		return Database{}, errors.New("names no file: give sqlite:path/to/file.db, or sqlite:/path/to/file.db for one from the root")
	case strings.HasPrefix(path, ":memory:") || strings.Contains(path, "mode=memory"):
		return Database{}, errors.New("names a database in memory, which would lose all usage when the process ends: give sqlite:path/to/file.db")
	}
	return File(path), nil
}

// File is the SQLite database at path.
func File(path string) Database { return Database{Location: "sqlite:" + path, Path: path, Name: path} }

var errPostgresURL = errors.New("is not an address of PostgreSQL: give postgresql://user:password@host:5432/database, with % codes for / ? # @ in the password")

// parsePostgres parses the URL without net/url, because PostgreSQL's may name several hosts for failover.
func parsePostgres(v string) (Database, error) {
	_, rest, ok := strings.Cut(v, "://")
	if !ok {
		return Database{}, errPostgresURL
	}
	rest, rawQuery, _ := strings.Cut(rest, "?")
	query, err := url.ParseQuery(rawQuery)
	if err != nil || strings.ContainsAny(v, "# ") {
		return Database{}, errPostgresURL
	}
	authority, name, _ := strings.Cut(rest, "/")
	user, servers, hasUser := strings.Cut(authority, "@")
	if !hasUser {
		user, servers = "", authority
	}
	hosts := splitHosts(servers + "," + query.Get("host"))
	// A piece of a password must not be taken for a host or a name, which are shown, resolved or dialled.
	if strings.Contains(servers+name+rawQuery, "@") || badUser(user) || slices.ContainsFunc(hosts, badHost) || slices.ContainsFunc(hosts, badPort) {
		return Database{}, errPostgresURL
	}
	if name = firstOf(query.Get("dbname"), name); name == "" || len(hosts) == 0 {
		return Database{}, errPostgresURL
	}
	if n := query.Get("pool_max_conns"); n != "" {
		if size, err := strconv.Atoi(n); err != nil || size < MinConnections {
			return Database{}, fmt.Errorf("has a pool_max_conns that is not a number from %d: with fewer connections a node would block itself. Give more, or leave it out and set DATABASE_POOL_SIZE", MinConnections)
		}
	}
	d := Database{Location: v, Name: fmt.Sprintf("PostgreSQL database %s at %s", name, strings.Join(hosts, ", "))}
	mode, warning, err := transport(query, !slices.ContainsFunc(hosts, remote))
	if err != nil {
		return Database{}, err
	}
	d.Warning = warning
	if query.Get("sslmode") == "" {
		d.Location = withParameter(d.Location, "sslmode="+mode)
	}
	return d, nil
}

// MinConnections is the smallest pool of a node. An upgrade holds one connection and works on another, and the ledger's
// lanes must leave one for everything else.
const MinConnections = 4

func withParameter(location, parameter string) string {
	if strings.Contains(location, "?") {
		return location + "&" + parameter
	}
	return location + "?" + parameter
}

// pooled sets the size of the connection pool, unless the location sets it.
func (d Database) pooled(connections int) Database {
	if d.Postgres() && !strings.Contains(d.Location, "pool_max_conns=") {
		d.Location = withParameter(d.Location, fmt.Sprintf("pool_max_conns=%d", connections))
	}
	return d
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func splitHosts(list string) []string {
	return slices.DeleteFunc(strings.Split(list, ","), func(h string) bool { return h == "" })
}

// badUser reports whether PostgreSQL's client refuses the part before the @.
func badUser(user string) bool {
	_, err := url.Parse("postgresql://" + user + "@host/")
	return err != nil
}

// badHost reports whether a host is neither a name nor an address nor a folder of unix sockets.
func badHost(host string) bool {
	if decoded, err := url.PathUnescape(host); err == nil {
		host = decoded
	}
	if strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") {
		return false
	}
	return strings.ContainsFunc(host, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._:[]", r))
	})
}

// badPort reports whether a host has an invalid port.
func badPort(host string) bool {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") || strings.HasPrefix(host, "/") {
		return false
	}
	_, err := strconv.ParseUint(host[i+1:], 10, 16)
	return err != nil
}

// remote reports whether a host, with or without a port, is another machine. A folder of unix sockets is not.
func remote(host string) bool {
	if decoded, err := url.PathUnescape(host); err == nil {
		host = decoded
	}
	if strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") {
		return false
	}
	name := host
	if ap, err := netip.ParseAddrPort(host); err == nil {
		return !ap.Addr().IsLoopback()
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.Contains(host[:i], ":") {
		name = host[:i]
	}
	if a, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return !a.IsLoopback()
	}
	return !strings.EqualFold(name, "localhost")
}

// transport returns the effective sslmode, and a warning if it is not fully secure.
func transport(query url.Values, local bool) (mode, warning string, err error) {
	mode = query.Get("sslmode")
	if mode == "" && query.Get("ssl") == "true" {
		mode = "require"
	}
	switch mode {
	case "":
		if local {
			return "disable", "", nil
		}
		return "verify-full", "", nil
	case "verify-full":
	case "verify-ca":
		warning = "the server's certificate is verified, but not its name (sslmode=verify-ca): write sslmode=verify-full if the certificate has the name"
	case "require":
		if query.Get("sslrootcert") == "" && !local {
			warning = "the connection is encrypted, but an attacker in between can pose as the database (sslmode=require): write sslmode=verify-full, with sslrootcert=PATH for a private authority"
		}
	case "disable":
		if !local {
			warning = "the connection is not encrypted (sslmode=disable): use that on private networks only"
		}
	case "prefer", "allow":
		return "", "", fmt.Errorf("has sslmode=%s, with which an attacker in between can turn encryption off: write sslmode=verify-full, with sslrootcert=PATH for a private authority, sslmode=require to encrypt without verifying, or sslmode=disable on a private network", mode)
	default:
		return "", "", errors.New("has an sslmode that PostgreSQL does not know: write sslmode=verify-full, verify-ca, require or disable")
	}
	return mode, warning, nil
}
