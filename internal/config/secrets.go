package config

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/airatelimit/airatelimit/internal/secret"
)

// Secrets are the keys of one installation.
type Secrets struct {
	JWT           []byte   // keeps the hashes of sign-in codes from being tried out; 32 bytes or more
	Encryption    []byte   // seals provider keys; 32 bytes, or nil in production: then no provider key can be stored
	EncryptionOld [][]byte // earlier Encryption keys, which still open provider keys
}

const (
	makeKey  = "openssl rand -hex 32"
	jwtBytes = 32

	jwtFile        = "jwt-secret"
	encryptionFile = "encryption-key"
)

// Secrets returns the keys of the environment. Outside production it reads missing keys from files in DataDir (mode 0600),
// which it creates on first use. In production it creates nothing.
//
// Processes that start at the same moment agree on one key.
func (c Config) Secrets() (Secrets, error) {
	s := c.secrets
	for _, k := range []struct {
		key   *[]byte
		file  string
		parse func(string) ([]byte, error)
	}{
		{&s.JWT, jwtFile, parseJWTSecret},
		{&s.Encryption, encryptionFile, secret.ParseKey},
	} {
		if *k.key != nil || c.Production {
			continue
		}
		path := filepath.Join(c.DataDir, k.file)
		text, err := readOrCreate(path)
		if err != nil {
			return Secrets{}, fmt.Errorf("read or create the key in %s: %w", path, err)
		}
		if *k.key, err = k.parse(text); err != nil {
			return Secrets{}, fmt.Errorf("the key in %s %w", path, err)
		}
	}
	return s, nil
}

// Kept returns the variables that are not set and whose keys are files in DataDir. All nodes on one PostgreSQL need the
// same keys.
func (c Config) Kept() []string {
	var names []string
	if c.Production {
		return nil
	}
	if c.secrets.JWT == nil {
		names = append(names, "JWT_SECRET")
	}
	if c.KeepsEncryptionKey() {
		names = append(names, "ENCRYPTION_KEY")
	}
	return names
}

// KeepsEncryptionKey reports whether stored keys are sealed with a key that is a file in DataDir.
func (c Config) KeepsEncryptionKey() bool { return !c.Production && c.secrets.Encryption == nil }

// readOrCreate returns the text of the file at path. A missing file is created with a new random key: it is written under
// another name and linked into place, which fails if another process was first. So no process reads half a key, and no
// key is replaced.
func readOrCreate(path string) (string, error) {
	if text, err := read(path); !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	tmp, err := writeKey(dir)
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp)
	if err := os.Link(tmp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if err := syncDir(dir); err != nil {
		return "", err
	}
	return read(path)
}

// writeKey writes a new key and syncs it to the disk. Otherwise a power failure could leave data that was sealed with a
// lost key.
func writeKey(dir string) (name string, err error) {
	f, err := os.CreateTemp(dir, ".new-key-*") // O_EXCL, mode 0600
	if err != nil {
		return "", err
	}
	key := make([]byte, jwtBytes)
	rand.Read(key)
	_, err = fmt.Fprintln(f, hex.EncodeToString(key))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func read(path string) (string, error) {
	b, err := os.ReadFile(path)
	return strings.TrimSpace(string(b)), err
}

// secrets reads the keys of the environment. No error quotes a key.
func (e *env) secrets(c Config) Secrets {
	s := Secrets{
		JWT:        e.key("JWT_SECRET", parseJWTSecret),
		Encryption: e.key("ENCRYPTION_KEY", secret.ParseKey),
	}
	if c.Production && !e.given("JWT_SECRET") {
		e.fail("JWT_SECRET is not set, and production needs its own: make one with `%s`", makeKey)
	}
	if c.Production && !e.given("ENCRYPTION_KEY") && e.text("ENCRYPTION_KEY_PREVIOUS", "") != "" {
		e.fail("ENCRYPTION_KEY is not set, but ENCRYPTION_KEY_PREVIOUS is: provider keys are resealed with ENCRYPTION_KEY, so make one with `%s`, or set neither", makeKey)
	}
	for i, v := range e.list("ENCRYPTION_KEY_PREVIOUS") {
		old, err := secret.ParseKey(v)
		if err != nil {
			e.fail("ENCRYPTION_KEY_PREVIOUS: its key %d %w", i+1, err)
		}
		s.EncryptionOld = append(s.EncryptionOld, old)
	}
	return s
}

// key returns nil if the variable is not set.
func (e *env) key(name string, parse func(string) ([]byte, error)) []byte {
	v := e.text(name, "")
	if v == "" {
		return nil
	}
	key, err := parse(v)
	if err != nil {
		e.fail("%s %w", name, err)
	}
	return key
}

func parseJWTSecret(v string) ([]byte, error) {
	if len(v) < jwtBytes {
		return nil, fmt.Errorf("is %d bytes long, and must be %d or more: make one with `%s`", len(v), jwtBytes, makeKey)
	}
	if reason := secret.Weakness([]byte(v)); reason != "" {
		return nil, fmt.Errorf("is weak: %s. Make one with `%s`", reason, makeKey)
	}
	return []byte(v), nil
}
