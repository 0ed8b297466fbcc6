package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"syscall"
)

// ErrMissing is the error where PostgreSQL's server is not installed.
var ErrMissing = errors.New("PostgreSQL is not installed: initdb is neither on PATH nor in /usr/lib/postgresql/*/bin")

// tools is the folder of PostgreSQL's programs, of one version.
type tools string

// installed finds the programs on PATH, or where Debian puts them: the newest there.
func installed() (tools, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return "", err
		}
		return tools(filepath.Dir(path)), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", ErrMissing
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return tools(filepath.Dir(newest)), nil
}

var versionNumber = regexp.MustCompile(`PostgreSQL\) (\d+)`)

// version is the major one.
func (t tools) version() (int, error) {
	out, err := exec.Command(filepath.Join(string(t), "postgres"), "--version").Output()
	if err != nil {
		return 0, err
	}
	m := versionNumber.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("postgres --version says %q", out)
	}
	return strconv.Atoi(string(m[1]))
}

// command runs a program as a user that PostgreSQL accepts, in a group of its own: an interrupt at the terminal is
// for the tests, which then end it.
func (t tools) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(string(t), name), args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if id, err := account(); err == nil && id != nil {
		cmd.SysProcAttr.Credential = id
	}
	return cmd
}

func (t tools) run(name string, args ...string) error {
	if out, err := t.command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// account is whom the programs run as; nil means the tests' own user. PostgreSQL refuses to run as root.
var account = sync.OnceValues(func() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
})

// own gives a file to the account.
func own(path string) error {
	id, err := account()
	if err != nil || id == nil {
		return err
	}
	return os.Chown(path, int(id.Uid), int(id.Gid))
}

// cleaner waits until the test binary is gone, which closes its standard input, and ends what it has left behind.
const cleaner = `cat >/dev/null
for file in "$1"/*/data/postmaster.pid; do
	[ -f "$file" ] || continue
	pid=$(head -n 1 "$file")
	kill -QUIT "$pid" 2>/dev/null
	for try in $(seq 100); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.05
	done
done
for file in "$1"/*/pgbouncer.pid; do
	[ -f "$file" ] && kill -TERM "$(cat "$file")" 2>/dev/null
done
rm -rf "$1"`

// home is the folder of this binary's clusters. The cleaner sees alive closed when the binary is gone.
type home struct {
	dir   string
	alive *os.File
}

var (
	onDisk   = sync.OnceValues(func() (home, error) { return newHome("") })
	inMemory = sync.OnceValues(func() (home, error) { return newHome(memory()) })
)

// base is where a cluster with the options has its folder.
func base(opts Options) (home, error) {
	if opts.Durable {
		return onDisk()
	}
	return inMemory()
}

// roomy is how many bytes a file system in memory must have free, so that the clusters of several test binaries fit.
const roomy = 4 << 30

// memory is a file system in memory, where a copy of a database takes a third of the time; "" if there is none with room,
// or if TMPDIR names another place.
func memory() string {
	const dir = "/dev/shm"
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") != "" || syscall.Statfs(dir, &fs) != nil || fs.Bavail*uint64(fs.Bsize) < roomy {
		return ""
	}
	return dir
}

// newHome makes the folder within another one; "" is that of temporary files.
func newHome(in string) (home, error) {
	if _, err := account(); err != nil {
		return home{}, fmt.Errorf("the user that PostgreSQL runs as: %w", err)
	}
	dir, err := os.MkdirTemp(in, "pgtest-") // short: a socket's path may have 107 bytes
	if err != nil {
		return home{}, err
	}
	if err := own(dir); err != nil {
		return home{}, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return home{}, err
	}
	defer r.Close() //nolint:errcheck // the cleaner has its own descriptor
	cmd := exec.Command("/bin/sh", "-c", cleaner, "cleaner", dir)
	cmd.Dir, cmd.Stdin, cmd.SysProcAttr = "/", r, &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return home{}, err
	}
	return home{dir: dir, alive: w}, cmd.Process.Release()
}
