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

// Database says where everything is kept.
type Database struct {
	// Location is what store.Open takes. It may hold a password: print Name.
	Location string
	// Path is the SQLite file, "" with PostgreSQL.
	Path string
	// Name is the location for people.
	Name string
	// Warning is what the operator should know of the connection, "" nothing.
	Warning string
}

// Postgres reports whether the database is PostgreSQL, which several nodes may share.
func (d Database) Postgres() bool { return d.Path == "" }

// ParseDatabase reads what DATABASE_URL may hold: sqlite:PATH, or PostgreSQL's postgresql:// with its parameters. Of a
// server that is not on this machine the certificate and the name are verified unless sslmode says otherwise. No error
// quotes the value, which may hold a password; each goes on after the name of a variable.
func ParseDatabase(v string) (Database, error) {
	scheme, path, ok := strings.Cut(v, ":")
	switch {
	case ok && (scheme == "postgresql" || scheme == "postgres"):
		return parsePostgres(v)
	case !ok || scheme != "sqlite":
		return Database{}, errors.New("is not understood: leave it empty for a SQLite file under DATA_DIR, or give sqlite:path/to/file.db or postgresql://user:password@host/database")
	case path == "" || strings.HasPrefix(path, "//"):
		return Database{}, errors.New("names no file: give sqlite:path/to/file.db, or sqlite:/path/to/file.db for one from the root")
	case strings.HasPrefix(path, ":memory:") || strings.Contains(path, "mode=memory"):
		return Database{}, errors.New("asks for a database in memory, which would forget every count when the process ends: give sqlite:path/to/file.db")
	}
	return File(path), nil
}

// File is the SQLite database at path.
func File(path string) Database { return Database{Location: "sqlite:" + path, Path: path, Name: path} }

var errPostgresURL = errors.New("is not an address of PostgreSQL: give postgresql://user:password@host:5432/database, with % codes for / ? # @ in the password")

// parsePostgres takes the URL apart by hand: PostgreSQL's may name several hosts, for failover.
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
	// What looks like a piece of a password must not be taken for something else, which is shown, looked up or dialled.
	if strings.Contains(servers+name+rawQuery, "@") || badUser(user) || slices.ContainsFunc(hosts, badHost) || slices.ContainsFunc(hosts, badPort) {
		return Database{}, errPostgresURL
	}
	if name = firstOf(query.Get("dbname"), name); name == "" || len(hosts) == 0 {
		return Database{}, errPostgresURL
	}
	if n := query.Get("pool_max_conns"); n != "" {
		if size, err := strconv.Atoi(n); err != nil || size < LeastConnections {
			return Database{}, fmt.Errorf("has a pool_max_conns below %d, or none that is a number: with fewer connections a node waits for itself; give more, or leave it out and set DATABASE_POOL_SIZE", LeastConnections)
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

// LeastConnections is how many a node needs: an upgrade holds one and works on another, and the ledger's lanes must leave
// one to everything else.
const LeastConnections = 4

func withParameter(location, parameter string) string {
	if strings.Contains(location, "?") {
		return location + "&" + parameter
	}
	return location + "?" + parameter
}

// pooled has so many connections at most, unless the location says another number itself.
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

// badUser reports whether the part before the @ is one that PostgreSQL's client does not take.
func badUser(user string) bool {
	_, err := url.Parse("postgresql://" + user + "@host/")
	return err != nil
}

// badHost reports whether what stands where a server's name belongs cannot be one: a name, an address, or a folder of
// unix sockets.
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

// badPort reports whether a host comes with a port that is none.
func badPort(host string) bool {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") || strings.HasPrefix(host, "/") {
		return false
	}
	_, err := strconv.ParseUint(host[i+1:], 10, 16)
	return err != nil
}

// remote reports whether a host, with or without a port, is another machine. A folder is one of unix sockets.
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

// transport returns the sslmode in force, and what to say of it.
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
		warning = "its certificate is verified, its name is not (sslmode=verify-ca): write sslmode=verify-full where the certificate has the name"
	case "require":
		if query.Get("sslrootcert") == "" && !local {
			warning = "the connection is encrypted, but whoever is in between can pose as the database (sslmode=require): write sslmode=verify-full, with sslrootcert=PATH for an authority of your own"
		}
	case "disable":
		if !local {
			warning = "the connection is not encrypted (sslmode=disable): keep that to networks that are yours"
		}
	case "prefer", "allow":
		return "", "", fmt.Errorf("has sslmode=%s, which goes on unencrypted when whoever is in between asks for it: write sslmode=verify-full, with sslrootcert=PATH for an authority of your own, sslmode=require to encrypt without verifying, or sslmode=disable on a network that is yours", mode)
	default:
		return "", "", errors.New("has an sslmode that PostgreSQL does not know: write sslmode=verify-full, verify-ca, require or disable")
	}
	return mode, warning, nil
}
