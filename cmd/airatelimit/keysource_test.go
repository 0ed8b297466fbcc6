package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProviderKeySources(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("  sk-from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{in: strings.NewReader("sk-from-stdin\n"), getenv: func(name string) string {
		return map[string]string{"KEY": "sk-from-env"}[name]
	}}
	got, err := readProviderKeys(a, []string{"openai=env:KEY", "xai=file:" + path, "groq=-"})
	if err != nil {
		t.Fatal(err)
	}
	want := []providerKey{{"openai", "sk-from-env"}, {"xai", "sk-from-file"}, {"groq", "sk-from-stdin"}}
	if len(got) != len(want) {
		t.Fatalf("keys = %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("key %d = %v, want %v", i, got[i], want[i])
		}
	}
}

func TestProviderKeySourcesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ sources, want string }{
		{"openai=sk-proj-hunter2", "shell's history"},
		{"openai=sk:hunter2", "shell's history"},
		{"openai=env:", "shell's history"},
		{"openai=", "shell's history"},
		{"openai", "PROVIDER=SOURCE"},
		{"=env:KEY", "PROVIDER=SOURCE"},
		{"openai=env:MISSING", "environment variable MISSING is empty: put the key there, or store none"},
		{"openai=-", "standard input is empty"},
		{"openai=- xai=-", "standard input holds one key"},
		{"openai=env:KEY openai=env:KEY", "given twice"},
		{"openai=file:/does/not/exist", "/does/not/exist"},
	} {
		a := &app{in: strings.NewReader(""), getenv: func(name string) string {
			return map[string]string{"KEY": "sk-x"}[name]
		}}
		if tc.sources == "openai=- xai=-" {
			a.in = strings.NewReader("sk-x")
		}
		_, err := readProviderKeys(a, strings.Fields(tc.sources))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error = %v, want %q", tc.sources, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error quotes the key: %v", tc.sources, err)
		}
	}
}
