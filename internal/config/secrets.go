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
	JWT           []byte   // signs tokens; 32 bytes or more
	Encryption    []byte   // seals provider keys; 32 bytes, or nil in production: then none can be stored
	EncryptionOld [][]byte // earlier Encryption keys, which still open what they sealed
}

const (
	makeKey  = "openssl rand -hex 32"
	jwtBytes = 32

	jwtFile        = "jwt-secret"
	encryptionFile = "encryption-key"
)

// Secrets returns the keys that the environment gave, and outside production those it didn't from files in DataDir (mode
// 0600), which are made on first use. In production nothing is made.
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
		text, err := keep(path)
		if err != nil {
			return Secrets{}, fmt.Errorf("keep a key in %s: %w", path, err)
		}
		if *k.key, err = k.parse(text); err != nil {
			return Secrets{}, fmt.Errorf("the key kept in %s %w", path, err)
		}
	}
	return s, nil
}

// Kept are the variables whose keys are kept in DataDir, because the environment does not give them. Several nodes on
// one PostgreSQL need the same.
func (c Config) Kept() []string {
	var names []string
	if c.Production {
		return nil
	}
	if c.secrets.JWT == nil {
		names = append(names, "JWT_SECRET")
	}
	if c.secrets.Encryption == nil {
		names = append(names, "ENCRYPTION_KEY")
	}
	return names
}

// keep returns the text of the file at path, which is made with a new random key if it isn't there. It
// is written under another name and linked into place, which fails if another process was first: nobody
// ever reads half a key, and nobody's key is replaced.
func keep(path string) (string, error) {
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

// writeKey puts a new key on the disk itself: data sealed with it must not outlive it in a power cut.
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

// secrets reads the keys of the environment. None of its errors quotes one.
func (e *env) secrets(c Config) Secrets {
	s := Secrets{
		JWT:        e.key("JWT_SECRET", parseJWTSecret),
		Encryption: e.key("ENCRYPTION_KEY", secret.ParseKey),
	}
	if c.Production && !e.given("JWT_SECRET") {
		e.fail("JWT_SECRET is not set, and production needs its own: make one with `%s`, or carry over the one kept in %s", makeKey, filepath.Join(c.DataDir, jwtFile))
	}
	if c.Production && !e.given("ENCRYPTION_KEY") && e.text("ENCRYPTION_KEY_PREVIOUS", "") != "" {
		e.fail("ENCRYPTION_KEY is not set, and ENCRYPTION_KEY_PREVIOUS is: keys are sealed anew with ENCRYPTION_KEY, so make one with `%s`, or leave both out", makeKey)
	}
	for i, v := range e.list("ENCRYPTION_KEY_PREVIOUS") {
		old, err := secret.ParseKey(v)
		if err != nil {
			e.fail("ENCRYPTION_KEY_PREVIOUS: key %d of it %w", i+1, err)
		}
		s.EncryptionOld = append(s.EncryptionOld, old)
	}
	return s
}

// key returns nil where the variable is not set.
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
