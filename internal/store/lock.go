package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrLocked means that another process serves the database.
var ErrLocked = errors.New("another airatelimit serve is using this database: stop it first, or give this one its own DATA_DIR (commands such as project config work beside it)")

// Lock claims the database at path for this process to serve, or fails at once with [ErrLocked]. The claim lasts until
// release is called or the process ends, even by a kill.
//
// Only one process may serve a file, because the ledger decides from memory. Commands do not take the lock.
func Lock(path string) (release func() error, err error) {
	file, err := touch(path)
	if err != nil {
		return nil, fmt.Errorf("lock database %s: %w", path, err)
	}
	release, err = lockFile(file + ".lock")
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%s: %w", path, ErrLocked)
	}
	if err != nil {
		return nil, fmt.Errorf("lock database %s: %w", path, err)
	}
	return release, nil
}

// awaitFileLock takes the lock as soon as it is free, or gives up when ctx ends.
func awaitFileLock(ctx context.Context, name string) (release func() error, err error) {
	for {
		release, err = lockFile(name)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return release, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockPoll):
		}
	}
}

// lockFile takes the advisory lock on the named file. The file stays: after a removal two processes could each lock a
// file of that name.
func lockFile(name string) (release func() error, err error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", name, err), f.Close())
	}
	return f.Close, nil // closing the only descriptor releases the lock
}
