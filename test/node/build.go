package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// Build builds the command into a temporary folder, with the race detector where the tests have it. Root is the
// repository's, from the test's folder.
func Build(root string) (binary string, remove func(), err error) {
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
	if underRace {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "github.com/airatelimit/airatelimit/cmd/airatelimit")...)
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return "", nil, errors.Join(fmt.Errorf("build the binary: %w", err), os.RemoveAll(dir))
	}
	return binary, remove, nil
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
