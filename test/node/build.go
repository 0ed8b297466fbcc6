package node

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
)

// built is the environment variable that tells the second run of the same tests, on PostgreSQL, where the binary is.
const built = "AIRATELIMIT_TEST_BINARY"

// Run builds the command, sets binary to where it is, and runs the tests that start it: four at a time, or as many as
// -parallel says where that is not what it is by itself.
func Run(m *testing.M, root string, binary *string) (code int) {
	at, remove, err := build(root)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer remove()
	*binary = at
	// These tests wait for others more than they compute.
	flag.Parse()
	if n := runtime.GOMAXPROCS(0); n < 4 && flag.Lookup("test.parallel").Value.String() == strconv.Itoa(n) {
		if err := flag.Set("test.parallel", "4"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// build builds the command into a temporary folder, with the race detector where the tests have it. Root is the
// repository's, from the test's folder.
func build(root string) (binary string, remove func(), err error) {
	if binary = os.Getenv(built); binary != "" {
		return binary, func() {}, readSources(root)
	}
	dir, err := os.MkdirTemp("", "airatelimit-binary-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	if err := readSources(root); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	binary = filepath.Join(dir, "airatelimit")
	args := []string{"build", "-buildvcs=false", "-o", binary}
	if UnderRace {
		args = append(args, "-race", "-gcflags=modernc.org/sqlite/lib=-race=false") // as in the Makefile
	}
	cmd := exec.Command("go", append(args, "github.com/airatelimit/airatelimit/cmd/airatelimit")...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", nil, errors.Join(fmt.Errorf("build the binary: %w", err), os.RemoveAll(dir))
	}
	return binary, remove, os.Setenv(built, binary)
}

// readSources reads what the binary is made of. Of what a test's commands read go test knows nothing, and it would
// repeat an earlier result when only that has changed.
func readSources(root string) error {
	for _, part := range []string{"cmd", "internal", "go.mod"} {
		err := filepath.WalkDir(filepath.Join(root, part), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				_, err = os.ReadFile(path)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
