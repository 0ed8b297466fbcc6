package config

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	key1 = "9f4c1b7e2d8a6035c9e1f7b4a2d08653e7c1940b5fd2a6883c0e9b7d1f64a52c"
	key2 = "3ad95e07c14bf8826e1d0a97b35c4f68d2e79b01a6c3f5480b9d1e6724fac835"
)

func TestSecretsAreMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	c, err := Load(from(map[string]string{"DATA_DIR": dir}))
	if err != nil {
		t.Fatal(err)
	}
	const starts = 16
	made := make([]Secrets, starts)
	var wg sync.WaitGroup
	for i := range starts {
		wg.Go(func() {
			s, err := c.Secrets()
			if err != nil {
				t.Errorf("Secrets: %v", err)
			}
			made[i] = s
		})
	}
	wg.Wait()
	for _, s := range made {
		if len(s.JWT) != 64 || len(s.Encryption) != 32 {
			t.Fatalf("%d and %d bytes, want 64 and 32", len(s.JWT), len(s.Encryption))
		}
		if !bytes.Equal(s.JWT, made[0].JWT) || !bytes.Equal(s.Encryption, made[0].Encryption) {
			t.Error("two starts have different keys")
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 {
		t.Errorf("files = %v, want the two keys and nothing else", entries)
	}
	for _, name := range []string{".", jwtFile, encryptionFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %o lets others in", name, info.Mode().Perm())
		}
	}
}

func TestSecretsRefuseADamagedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, encryptionFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(from(map[string]string{"DATA_DIR": dir}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Secrets(); err == nil || !strings.Contains(err.Error(), encryptionFile) {
		t.Errorf("error = %v, want one that names the file", err)
	}
}

func TestSecretsOfTheEnvironmentTouchNoFile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	c, err := Load(from(map[string]string{"DATA_DIR": dir, "JWT_SECRET": key1, "ENCRYPTION_KEY": key2}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Secrets(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("DATA_DIR was made: %v", err)
	}
}

func TestWeakKeysAreRefused(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		strings.Repeat("0", 64),
		strings.Repeat("deadbeef", 8),
		strings.Repeat("0123456789abcdef", 4),
		"your-32-character-encryption-key",
		"super-secret-jwt-key-for-my-app!",
		"abcdefghijklmnopqrstuvwxyz012345",
		"change-me-change-me-change-me-32",
	} {
		for _, name := range []string{"JWT_SECRET", "ENCRYPTION_KEY"} {
			_, err := Load(from(map[string]string{name: key}))
			if err == nil || !strings.Contains(err.Error(), makeKey) {
				t.Errorf("%s=%s: error = %v, want it refused with the command that makes one", name, key, err)
			}
		}
	}
}

func TestRandomKeysAreAccepted(t *testing.T) {
	t.Parallel()
	for range 2000 {
		b := make([]byte, 32)
		rand.Read(b)
		for _, vars := range []map[string]string{
			{"JWT_SECRET": hex.EncodeToString(b), "ENCRYPTION_KEY": hex.EncodeToString(b)},
			{"JWT_SECRET": base64.StdEncoding.EncodeToString(b), "ENCRYPTION_KEY": hex.EncodeToString(b[:16])},
			{"ENCRYPTION_KEY": base64.RawURLEncoding.EncodeToString(b[:24])},
		} {
			if _, err := Load(from(vars)); err != nil {
				t.Fatalf("%v: %v", vars, err)
			}
		}
	}
}
