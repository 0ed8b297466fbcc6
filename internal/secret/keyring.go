// Package secret seals providers' API keys, which must be read back, and creates and recognises projects' secret keys,
// which need not.
//
// Invariants: a sealed text opens only with the key that sealed it, and only for its row. A text that cannot be opened is
// an error, so that ciphertext is never mistaken for a key. Of a secret key only the hash is stored.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// KeySize is the length in bytes of an encryption key: AES-256.
const KeySize = 32

// version begins every sealed text, so that a later format can be recognised.
const version = "v1"

var (
	// ErrNoKey reports that the keyring has no key to seal with: ENCRYPTION_KEY is optional in production.
	ErrNoKey = errors.New("encryption_key_missing: ENCRYPTION_KEY is not set, so no provider key can be stored. Make one with `openssl rand -hex 32`, set it for every node and for this command, and restart the nodes; or let the app send its own provider key")
	// ErrUnknownKey reports a text that was sealed with a key that is not in the keyring.
	ErrUnknownKey = errors.New("sealed with an encryption key that is not configured")
	// ErrSealed reports a text that is not in the sealed format, was tampered with or belongs to another row.
	ErrSealed = errors.New("not a sealed text of this row, or damaged")
)

// encoding refuses non-canonical endings: one sealed text has one spelling.
var encoding = base64.RawURLEncoding.Strict()

// Keyring seals with one key, and opens with it and with earlier keys. Without a sealing key, Seal returns ErrNoKey. A
// Keyring is safe for concurrent use.
//
// A sealed text reads
//
//	v1.KEYID.DATA
//
// KEYID names the key (see keyID). DATA is unpadded base64url of a random 96-bit nonce, the AES-256-GCM ciphertext
// and its 128-bit tag. The authenticated data is "v1.KEYID." followed by the caller's own. A key may seal 2^32 texts
// before random nonces become unsafe (NIST SP 800-38D, 8.3).
type Keyring struct {
	current string // id of the sealing key, "" for none
	keys    map[string]cipher.AEAD
}

// NewKeyring returns a keyring that seals with current, and opens what current or a previous key sealed. Every key has
// KeySize bytes. If current is nil, nothing can be sealed.
func NewKeyring(current []byte, previous ...[]byte) (*Keyring, error) {
	k := &Keyring{keys: make(map[string]cipher.AEAD, 1+len(previous))}
	all := previous
	if current != nil {
		k.current = keyID(current)
		all = append([][]byte{current}, previous...)
	}
	for _, key := range all {
		if len(key) != KeySize {
			return nil, fmt.Errorf("encryption key has %d bytes, not %d", len(key), KeySize)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("encryption key: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("encryption key: %w", err)
		}
		k.keys[keyID(key)] = aead
	}
	return k, nil
}

// ID returns the id of the sealing key, or "" if there is none. The id is a short digest that does not reveal the key.
func (k *Keyring) ID() string { return k.current }

// Has reports whether the keyring has the key with an id.
func (k *Keyring) Has(id string) bool { return k.keys[id] != nil }

// Seal encrypts plaintext for the row that aad names. The same aad opens it.
func (k *Keyring) Seal(plaintext []byte, aad string) (string, error) {
	aead, ok := k.keys[k.current]
	if !ok {
		return "", ErrNoKey
	}
	prefix := SealedWith(k.current)
	return prefix + encoding.EncodeToString(aead.Seal(nil, nil, plaintext, []byte(prefix+aad))), nil
}

// Open decrypts what Seal made for the same aad. It fails with ErrUnknownKey or ErrSealed and then returns nothing.
func (k *Keyring) Open(sealed, aad string) ([]byte, error) {
	id, data, err := split(sealed)
	if err != nil {
		return nil, err
	}
	aead, ok := k.keys[id]
	if !ok {
		return nil, fmt.Errorf("%w (key %s)", ErrUnknownKey, id)
	}
	plaintext, err := aead.Open(nil, nil, data, []byte(version+"."+id+"."+aad))
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}

// SealedWith returns the beginning of every text that the key with an id has sealed.
func SealedWith(id string) string { return version + "." + id + "." }

func split(sealed string) (id string, data []byte, err error) {
	v, rest, ok := strings.Cut(sealed, ".")
	id, text, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || v != version || !isKeyID(id) {
		return "", nil, ErrSealed
	}
	// The decoder skips line breaks, which Seal never writes.
	if strings.ContainsAny(text, "\r\n") {
		return "", nil, ErrSealed
	}
	data, err = encoding.DecodeString(text)
	if err != nil {
		return "", nil, ErrSealed
	}
	return id, data, nil
}

// keyID is the first 8 hex digits of SHA-256 over a label and the key: enough to find the key, and no help to guess it.
func keyID(key []byte) string {
	sum := sha256.Sum256(append([]byte("airatelimit encryption key id\x00"), key...))
	return hex.EncodeToString(sum[:4])
}

func isKeyID(id string) bool {
	if len(id) != 8 {
		return false
	}
	for i := range len(id) {
		if c := id[i]; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}
