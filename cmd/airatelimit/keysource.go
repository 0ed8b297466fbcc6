package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// providerKey is a provider's key to store.
type providerKey struct{ provider, key string }

// readProviderKeys reads each NAME=SOURCE. A source is env:VARIABLE, file:PATH or - for standard input;
// never the key itself.
func readProviderKeys(a *app, sources []string) ([]providerKey, error) {
	var keys []providerKey
	seen, stdin := map[string]bool{}, false
	for _, s := range sources {
		provider, source, ok := strings.Cut(s, "=")
		if !ok || provider == "" {
			return nil, usageError("a provider key is given as PROVIDER=SOURCE, such as openai=env:OPENAI_API_KEY")
		}
		if seen[provider] {
			return nil, usageError(fmt.Sprintf("the key of %s is given twice", provider))
		}
		seen[provider] = true
		if source == "-" && stdin {
			return nil, usageError("standard input holds one key: give the others as env:VARIABLE or file:PATH")
		}
		stdin = stdin || source == "-"
		key, err := readKey(a, source)
		if err != nil {
			return nil, fmt.Errorf("key of %s: %w", provider, err)
		}
		keys = append(keys, providerKey{provider, key})
	}
	return keys, nil
}

// readKey never quotes source unless it is one of the known forms: it may be a key.
func readKey(a *app, source string) (string, error) {
	var key, from string
	kind, name, _ := strings.Cut(source, ":")
	switch {
	case source == "-":
		b, err := io.ReadAll(io.LimitReader(a.in, maxDocument))
		if err != nil {
			return "", fmt.Errorf("read standard input: %w", err)
		}
		key, from = string(b), "standard input"
	case kind == "env" && name != "":
		key, from = a.getenv(name), "environment variable "+name
	case kind == "file" && name != "":
		b, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		key, from = string(b), name
	default:
		return "", usageError("a key on the command line is refused, because the shell's history and process lists show it: put it into a variable and give env:VARIABLE, or give file:PATH, or - for standard input")
	}
	if key = strings.TrimSpace(key); key == "" {
		return "", fmt.Errorf("%s is empty: put the key there, or store none if the app sends its own", from)
	}
	return key, nil
}
