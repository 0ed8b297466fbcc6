package secret

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// ParseKey reads an encryption key of 64 hex digits or 32 characters (one byte each). It refuses a key that is visibly not
// random, and names the command that makes a good one. Each error continues a sentence that begins with the key's
// variable or file.
func ParseKey(s string) ([]byte, error) {
	s = strings.TrimSpace(s)
	var key []byte
	switch len(s) {
	case 2 * KeySize:
		decoded, err := hex.DecodeString(s)
		if err != nil {
			return nil, keyError("must be 64 hex digits, and some of its 64 characters are not")
		}
		key = decoded
	case KeySize:
		key = []byte(s)
	case 0:
		return nil, keyError("is empty")
	default:
		return nil, keyError(fmt.Sprintf("must be 64 hex digits or 32 characters, and has %d", len(s)))
	}
	if reason := Weakness(key); reason != "" {
		return nil, keyError("is weak: " + reason)
	}
	return key, nil
}

// keyError never quotes the key.
func keyError(problem string) error {
	return fmt.Errorf("%s: make one with `openssl rand -hex 32`", problem)
}

// minDistinct is far below the usual number of distinct values: 30 in 32 random bytes, 14 in 32 random hex characters
// (fewer than 8 less than once in ten million).
const minDistinct = 8

// placeholders are words that examples use for keys. About one random key in a billion contains one.
var placeholders = []string{"changeme", "change-me", "change_me", "change-this", "change_this", "your-", "your_", "super-secret", "supersecret", "encryption-key", "placeholder", "password"}

// Weakness returns why a key or a secret is visibly not random, or "".
func Weakness(key []byte) string {
	if distinct(key) < minDistinct {
		return fmt.Sprintf("it has only %d different characters", distinct(key))
	}
	for period := 1; period <= len(key)/2; period++ {
		if repeats(key, period) {
			return fmt.Sprintf("it repeats the same %d characters", period)
		}
	}
	if sequence(key) {
		return "it counts up or down"
	}
	lower := strings.ToLower(string(key))
	for _, word := range placeholders {
		if strings.Contains(lower, word) {
			return fmt.Sprintf("it contains %q", word)
		}
	}
	return ""
}

func distinct(key []byte) int {
	var seen [256]bool
	n := 0
	for _, b := range key {
		if !seen[b] {
			seen[b] = true
			n++
		}
	}
	return n
}

func repeats(key []byte, period int) bool {
	for i := period; i < len(key); i++ {
		if key[i] != key[i-period] {
			return false
		}
	}
	return true
}

// sequence reports whether nearly every byte differs from the previous one by the same step: 00 01 02 … 1f, or
// 0123456789abcdefghij… with its one jump from 9 to a.
func sequence(key []byte) bool {
	for _, step := range []byte{1, 0xff} {
		jumps := 0
		for i := 1; i < len(key); i++ {
			if key[i]-key[i-1] != step {
				jumps++
			}
		}
		if jumps <= len(key)/8 {
			return true
		}
	}
	return false
}
