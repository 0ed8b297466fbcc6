package process

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/node"
	"github.com/airatelimit/airatelimit/test/pgtest"
)

func TestWhatIsMadeOnFirstStartIsForTheOwnerOnly(t *testing.T) {
	t.Parallel()
	pgtest.OnlyFile(t)
	in := newInstallation(t)
	in.Dir = filepath.Join(in.Dir, "made", "data")
	url, _ := echoing(t)
	p := in.Serve()
	k := in.Create(node.OpenAI(url, ""))
	if a := chat(newClient(t), p, k, "user"); a.status != http.StatusOK {
		t.Fatalf("status %d, want 200", a.status)
	}
	names := map[string]bool{}
	err := filepath.WalkDir(in.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		names[d.Name()] = true
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = fs.ModeDir | 0o700
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", d.Name(), info.Mode(), want)
		}
		content, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(content), node.StoredKey) {
			t.Errorf("%s holds the provider's key in clear", d.Name())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"jwt-secret", "encryption-key", "airatelimit.db"} {
		if !names[name] {
			t.Errorf("there is no %s in %v", name, names)
		}
	}
	for _, out := range []string{p.Log.String(), p.Out.String()} {
		if strings.Contains(out, node.StoredKey) || strings.Contains(out, k.Secret) {
			t.Error("the process has printed a key")
		}
	}
}

func TestStoredKeysAfterARestart(t *testing.T) {
	t.Parallel()
	pgtest.OnlyFile(t)
	in, c := newInstallation(t), newClient(t)
	url, seen := echoing(t)
	k := in.Create(node.OpenAI(url, ""))
	kept, err := os.ReadFile(filepath.Join(in.Dir, "encryption-key"))
	if err != nil {
		t.Fatal(err)
	}
	const other = "3b1f0c9d5e7a86421f0e9d8c7b6a59483726150f4e3d2c1b0a998877665544ff"
	for _, tc := range []struct {
		name string
		env  []string
		want int
	}{
		{"as made", nil, http.StatusOK},
		{"as made, once more", nil, http.StatusOK},
		{"with another ENCRYPTION_KEY", []string{"ENCRYPTION_KEY=" + other}, http.StatusServiceUnavailable},
		{"with the kept one as the previous", []string{"ENCRYPTION_KEY=" + other, "ENCRYPTION_KEY_PREVIOUS=" + strings.TrimSpace(string(kept))}, http.StatusOK},
		{"as made, at last", nil, http.StatusOK},
	} {
		p, before := in.Serve(tc.env...), seen.Total()
		// The client's own key must not stand in for one that cannot be opened.
		a := chat(c, p, k, "user", "Authorization", "Bearer sk-proj-clients-own-0123456789")
		if a.status != tc.want {
			t.Errorf("%s: status %d, want %d: %s", tc.name, a.status, tc.want, a.body)
		}
		reached := seen.Total() - before
		if tc.want == http.StatusOK {
			if last, _ := seen.Last(); reached != 1 || last.Header.Get("Authorization") != "Bearer "+node.StoredKey {
				t.Errorf("%s: %d requests reached the provider, the last not with the stored key", tc.name, reached)
			}
		} else {
			if reached != 0 {
				t.Errorf("%s: %d requests reached the provider, want none", tc.name, reached)
			}
			if !strings.Contains(a.body, "stored key for openai cannot be opened") || !strings.Contains(a.body, `"unavailable"`) {
				t.Errorf("%s: the answer does not say what is wrong: %s", tc.name, a.body)
			}
		}
		p.Stop()
	}
	in.wantCounted(k, map[string]int64{"user": 4})
}
