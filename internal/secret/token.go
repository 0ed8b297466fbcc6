package secret

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
)

const (
	secretPrefix  = "sk_"
	projectPrefix = "pk_"

	idLength      = 16 // 95 bits: finds the row
	secretLength  = 43 // 256 bits
	projectLength = 24 // 142 bits; public, but must not be guessable

	alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// NewSecretKey draws a project's secret key "sk_ID_SECRET", both parts base62, which a double click selects whole.
// The key is shown once; only id and hash are stored.
func NewSecretKey() (key, id string, hash [32]byte) {
	id = base62(idLength)
	key = secretPrefix + id + "_" + base62(secretLength)
	return key, id, sha256.Sum256([]byte(key))
}

// ParseSecretKey splits a secret key into the id, by which it is looked up, and the hash to compare with Equal. A plain
// SHA-256 is enough for 256 random bits; a slow hash would only let attackers waste our CPU.
func ParseSecretKey(key string) (id string, hash [32]byte, ok bool) {
	rest, ok := strings.CutPrefix(key, secretPrefix)
	if !ok || len(rest) != idLength+1+secretLength || rest[idLength] != '_' {
		return "", hash, false
	}
	if !isBase62(rest[:idLength]) || !isBase62(rest[idLength+1:]) {
		return "", hash, false
	}
	return rest[:idLength], sha256.Sum256([]byte(key)), true
}

// HoldsSecretKey reports whether text contains something in the form of a secret key.
func HoldsSecretKey(text string) bool { return holdsSecretKey(text, strings.IndexByte) }

// HoldsSecretKeyBytes is HoldsSecretKey for bytes.
func HoldsSecretKeyBytes(text []byte) bool {
	return holdsSecretKey(text, bytes.IndexByte)
}

// holdsSecretKey looks for the prefix by its underscore, which text seldom has.
func holdsSecretKey[T string | []byte](text T, index func(T, byte) int) bool {
	const length = len(secretPrefix) + idLength + 1 + secretLength
	for from := 0; ; {
		i := index(text[from:], '_')
		if i < 0 {
			return false
		}
		from += i + 1
		start := from - len(secretPrefix)
		if start < 0 || string(text[start:from]) != secretPrefix {
			continue
		}
		if len(text)-start < length {
			return false
		}
		key := text[from : start+length]
		if key[idLength] == '_' && isBase62(key[:idLength]) && isBase62(key[idLength+1:]) {
			return true
		}
	}
}

// Equal compares two hashes of secret keys in constant time.
func Equal(a, b [32]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

// NewProjectKey draws a project's public key "pk_" + 24 base62 characters.
func NewProjectKey() string { return projectPrefix + base62(projectLength) }

// NewToken draws a token of 256 bits for a session, a link or an invitation. Only its [Hash] is stored.
func NewToken() string { return base62(secretLength) }

// IsToken reports whether text has the form of a token.
func IsToken(text string) bool { return len(text) == secretLength && isBase62(text) }

// Hash is what is stored of a token. See [ParseSecretKey] for why a plain SHA-256 is enough.
func Hash(token string) [32]byte { return sha256.Sum256([]byte(token)) }

// NewID draws an id that cannot be guessed: a prefix and 95 bits.
func NewID(prefix string) string { return prefix + base62(idLength) }

// base62 draws n characters. Bytes from 248 on are drawn again, because modulo 62 they would favour the first eight.
func base62(n int) string {
	out := make([]byte, 0, n)
	var buf [64]byte
	for {
		rand.Read(buf[:]) // never fails: crypto/rand ends the process instead
		for _, b := range buf {
			if b >= 248 {
				continue
			}
			if out = append(out, alphabet[b%62]); len(out) == n {
				return string(out)
			}
		}
	}
}

func isBase62[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			return false
		}
	}
	return true
}
