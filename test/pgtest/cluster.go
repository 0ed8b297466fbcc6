package pgtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options describe a cluster. The zero value is one that is reached by a unix socket only and writes nothing through to
// the disk. Its files are in memory, where there is room.
type Options struct {
	// TCP has the server listen on a port of the loopback address too, which URLs then name. It stays the same
	// over restarts.
	TCP bool
	// Durable has commits written through to the disk, as in production.
	Durable bool
	// Settings are those of postgresql.conf, over the tests' own.
	Settings map[string]string
	// Files are put into the data folder before the server starts: a certificate, for one.
	Files map[string]string
}

// Cluster is a PostgreSQL server and its data folder.
type Cluster struct {
	dir     string // of the data, the socket and the log
	tools   tools
	version int
	opts    Options
	port    int
	pid     int // of the postmaster, 0 while none runs
	names   atomic.Int64
}

// Start makes a cluster and starts its server. Its error is [ErrMissing] where PostgreSQL is not installed.
func Start(opts Options) (*Cluster, error) {
	c, err := newCluster(opts)
	if err != nil {
		return nil, err
	}
	if err := c.initialize(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.dir))
	}
	if err := c.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.dir))
	}
	if err := c.Exec("postgres", "CREATE ROLE "+owner+" LOGIN PASSWORD 'app'"); err != nil {
		return nil, errors.Join(err, c.Remove())
	}
	return c, nil
}

// newCluster has a folder and no data yet.
func newCluster(opts Options) (*Cluster, error) {
	found, err := installed()
	if err != nil {
		return nil, err
	}
	in, err := base(opts)
	if err != nil {
		return nil, fmt.Errorf("folder for PostgreSQL: %w", err)
	}
	c := &Cluster{tools: found, opts: opts, port: 5432}
	if c.dir, err = os.MkdirTemp(in.dir, ""); err != nil {
		return nil, err
	}
	if err := own(c.dir); err != nil {
		return nil, err
	}
	if opts.TCP {
		if c.port, err = freePort(); err != nil {
			return nil, err
		}
	}
	if c.version, err = found.version(); err != nil {
		return nil, err
	}
	return c, nil
}

func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer ln.Close() //nolint:errcheck // it was only asked for its number
	return ln.Addr().(*net.TCPAddr).Port, nil
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) initialize() error {
	err := c.tools.run("initdb", "-D", c.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	if err != nil {
		return err
	}
	return c.configure()
}

// configure writes the settings and the files of the options into the data folder.
func (c *Cluster) configure() error {
	on := map[bool]string{true: "on", false: "off"}
	settings := map[string]string{
		"listen_addresses": "", "port": strconv.Itoa(c.port), "unix_socket_directories": c.dir,
		"fsync": on[c.opts.Durable], "full_page_writes": on[c.opts.Durable], "max_connections": "300",
		"shared_buffers": "64MB", "max_wal_size": "256MB", "jit": "off", "log_min_messages": "warning",
		"wal_retrieve_retry_interval": "100ms",
	}
	if c.opts.TCP {
		settings["listen_addresses"] = "127.0.0.1"
	}
	maps.Copy(settings, c.opts.Settings)
	var conf strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&conf, "%s = '%s'\n", name, strings.ReplaceAll(settings[name], "'", "''"))
	}
	files := maps.Clone(c.opts.Files)
	if files == nil {
		files = map[string]string{}
	}
	files["postgresql.conf"] = conf.String()
	for name, text := range files {
		path := filepath.Join(c.data(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
		if err := own(path); err != nil {
			return err
		}
	}
	return nil
}

// Start starts the server and returns when it takes connections.
func (c *Cluster) Start() error {
	deadline := time.Now().Add(patience)
	for {
		err := c.launch()
		// The processes of a server that was killed may take a moment to notice.
		if err == nil || !strings.Contains(err.Error(), "shared memory block") || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (c *Cluster) launch() error {
	log, err := os.OpenFile(c.logFile(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the server has its own descriptor
	cmd := c.tools.command("postgres", "-D", c.data())
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	c.pid = cmd.Process.Pid
	_ = cmd.Process.Release() // waited for by its id: no goroutine outlives a test
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := c.ping()
		switch {
		case err == nil:
			return nil
		case c.gone():
			return fmt.Errorf("PostgreSQL does not start: %s", c.Log())
		case time.Now().After(deadline):
			return fmt.Errorf("PostgreSQL takes no connections: %w: %s", err, c.Log())
		}
	}
}

func (c *Cluster) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

func (c *Cluster) logFile() string { return filepath.Join(c.dir, "log") }

// Log returns what the server has written since its last start.
func (c *Cluster) Log() string {
	text, _ := os.ReadFile(c.logFile())
	return string(text)
}

// Pid is the postmaster's process id, 0 while no server runs.
func (c *Cluster) Pid() int { return c.pid }

// gone reports whether the server has ended, and forgets it then.
func (c *Cluster) gone() bool {
	if c.pid == 0 {
		return true
	}
	pid, err := syscall.Wait4(c.pid, nil, syscall.WNOHANG, nil)
	if pid == c.pid || errors.Is(err, syscall.ECHILD) {
		c.pid = 0
	}
	return c.pid == 0
}

// Stop is how a server can be stopped.
type Stop syscall.Signal

// Stops, by the names that PostgreSQL's documentation gives them.
const (
	Fast      = Stop(syscall.SIGINT)  // rolls back what runs, and writes everything out
	Immediate = Stop(syscall.SIGQUIT) // leaves everything to the recovery at the next start
)

// Stop stops the server and returns when it is gone. One that does not run is no error.
func (c *Cluster) Stop(how Stop) error {
	if err := c.signal(syscall.Signal(how)); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

// Kill ends the postmaster as the kernel would; the other processes of the server end when they notice.
func (c *Cluster) Kill() error {
	if err := c.signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill PostgreSQL: %w", err)
	}
	// Its number may be another process's one day.
	return os.Remove(filepath.Join(c.data(), "postmaster.pid"))
}

func (c *Cluster) signal(s syscall.Signal) error {
	if c.gone() {
		return nil
	}
	if err := syscall.Kill(c.pid, s); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); !c.gone(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("it still runs after %s: %s", patience, c.Log())
		}
	}
	return nil
}

// Remove stops the server and removes its data.
func (c *Cluster) Remove() error { return errors.Join(c.Stop(Immediate), os.RemoveAll(c.dir)) }

// URL is the superuser's for a database.
func (c *Cluster) URL(database string) string { return c.url("postgres", database) }

func (c *Cluster) url(user, database string) string {
	u := url.URL{Scheme: "postgresql", User: url.User(user), Path: "/" + database}
	if c.opts.TCP {
		u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port))
	} else {
		u.RawQuery = url.Values{"host": {c.dir}}.Encode()
	}
	return u.String()
}

// Address is the host and port of a cluster with TCP.
func (c *Cluster) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)) }

// Replica makes a cluster that follows this one by streaming replication, with the same options and a port of its own.
func (c *Cluster) Replica() (*Cluster, error) {
	r, err := newCluster(c.opts)
	if err != nil {
		return nil, err
	}
	err = c.tools.run("pg_basebackup", "-d", c.URL("postgres"), "-D", r.data(), "-R", "-X", "stream", "-c", "fast", "--no-sync")
	if err == nil {
		err = r.configure()
	}
	if err == nil {
		err = r.Start()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(r.dir))
	}
	return r, nil
}

// Promote makes a replica a server that is written to, and returns when it is.
func (c *Cluster) Promote() error {
	done, err := c.Query("postgres", fmt.Sprintf("SELECT pg_promote(true, %d)", int(patience.Seconds())))
	if err == nil && done != "true" {
		err = fmt.Errorf("it is still a replica after %s", patience)
	}
	if err != nil {
		return fmt.Errorf("promote: %w", err)
	}
	return nil
}

func (c *Cluster) newName() string { return "test_" + strconv.FormatInt(c.names.Add(1), 10) }

// strategy is the faster way to copy a database, which without fsync is the one that copies files.
func (c *Cluster) strategy() string {
	if c.opts.Durable {
		return "wal_log"
	}
	return "file_copy"
}
