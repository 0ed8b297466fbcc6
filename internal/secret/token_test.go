package secret

import (
	"crypto/sha256"
	"regexp"
	"strings"
	"testing"
)

func TestSecretKeyIsFoundByItsIDAndComparedByItsHash(t *testing.T) {
	t.Parallel()
	key, id, hash := NewSecretKey()
	if ok, _ := regexp.MatchString(`^sk_[0-9A-Za-z]{16}_[0-9A-Za-z]{43}$`, key); !ok {
		t.Fatalf("secret key %q", key)
	}
	gotID, gotHash, ok := ParseSecretKey(key)
	if !ok || gotID != id || !Equal(gotHash, hash) {
		t.Errorf("ParseSecretKey = %q, %x, %v; want %q, %x", gotID, gotHash, ok, id, hash)
	}
	if hash != sha256.Sum256([]byte(key)) {
		t.Error("the hash is not the SHA-256 of the key")
	}
	forged := key[:len(key)-1] + "0"
	if forged == key {
		forged = key[:len(key)-1] + "1"
	}
	if _, other, ok := ParseSecretKey(forged); !ok || Equal(other, hash) {
		t.Errorf("a key that differs in its last character: %v, equal %v", ok, Equal(other, hash))
	}
}

func TestWhatIsNoSecretKeyIsNotLookedUp(t *testing.T) {
	t.Parallel()
	key, _, _ := NewSecretKey()
	for _, s := range []string{
		"", "sk_", "sk-" + key[3:], "pk" + key[2:], key + "x", key[:len(key)-1], key[1:], " " + key,
		"sk_" + strings.Repeat("_", 60), "sk_" + strings.Repeat("a", 60), strings.Replace(key, key[5:6], "é", 1),
		key[:len(key)-1] + "-", "sk_" + strings.Repeat("a", 1<<20),
	} {
		if id, _, ok := ParseSecretKey(s); ok || id != "" {
			t.Errorf("ParseSecretKey(%.40q) = %q, %v", s, id, ok)
		}
	}
}

func TestProjectKeysDiffer(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^pk_[0-9A-Za-z]{24}$`)
	seen := make(map[string]bool)
	for range 1000 {
		key := NewProjectKey()
		if !form.MatchString(key) || seen[key] {
			t.Fatalf("project key %q", key)
		}
		seen[key] = true
	}
}

func TestDrawnCharactersAreEvenlySpread(t *testing.T) {
	t.Parallel()
	const n = 62 * 2000
	counts := make(map[rune]int)
	for _, c := range base62(n) {
		counts[c]++
	}
	for _, c := range alphabet {
		if counts[c] < 1700 || counts[c] > 2300 { // 6.7 standard deviations
			t.Errorf("%c was drawn %d times of %d; want about 2000", c, counts[c], n)
		}
	}
}

// A slow hash over a random key would let anyone burn our CPU with wrong ones.
func BenchmarkParseSecretKey(b *testing.B) {
	key, _, hash := NewSecretKey()
	b.ReportAllocs()
	for b.Loop() {
		if _, h, ok := ParseSecretKey(key); !ok || !Equal(h, hash) {
			b.Fatal("not equal")
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	k, err := NewKeyring(make([]byte, KeySize))
	if err != nil {
		b.Fatal(err)
	}
	sealed, _ := k.Seal([]byte("sk-proj-0123456789"), "pk_x/openai")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Open(sealed, "pk_x/openai"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTokensAreFreshAndRecognised(t *testing.T) {
	t.Parallel()
	a, b := NewToken(), NewToken()
	if a == b || Hash(a) == Hash(b) || Hash(a) != Hash(strings.Clone(a)) {
		t.Errorf("tokens %q and %q, want two with hashes of their own", a, b)
	}
	for text, want := range map[string]bool{a: true, b: true, "": false, a[1:]: false, a + "x": false, "-" + a[1:]: false} {
		if IsToken(text) != want {
			t.Errorf("IsToken(%q) = %t", text, !want)
		}
	}
	if id := NewID("us_"); len(id) != 3+idLength || id[:3] != "us_" || id == NewID("us_") {
		t.Errorf("id %q", id)
	}
}
