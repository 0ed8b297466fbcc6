package process

import (
	"io/fs"
	"maps"
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
	in, c := newInstallation(t), newClient(t)
	own := map[string]string{"ENCRYPTION_KEY": "7d1a5e0c94b8f3627e40d9b1c6f8352a0b7d94e8c15f63a2d8b04e7f19c6a351"}
	maps.Copy(own, in.Env)
	in.Env = own
	url, seen := echoing(t)
	k := in.Create(node.OpenAI(url, ""))
	const other = "3b1f0c9d5e7a86421f0e9d8c7b6a59483726150f4e3d2c1b0a998877665544ff"
	for _, tc := range []struct {
		name   string
		env    []string
		starts bool
	}{
		{"as made", nil, true},
		{"with another ENCRYPTION_KEY", []string{"ENCRYPTION_KEY=" + other}, false},
		{"in production without one", []string{"ENCRYPTION_KEY=", "NODE_ENV=production", "JWT_SECRET=" + other}, false},
		{"as made, once more", nil, true},
		{"with the first one as the previous", []string{"ENCRYPTION_KEY=" + other, "ENCRYPTION_KEY_PREVIOUS=" + in.Env["ENCRYPTION_KEY"]}, true},
		{"with the new one alone", []string{"ENCRYPTION_KEY=" + other}, true},
		{"with the first one again", nil, false},
	} {
		if !tc.starts {
			got := in.Run("", tc.env, "serve")
			for _, want := range []string{"ENCRYPTION_KEY", "the key of openai in project " + k.Project, "cannot be opened"} {
				if got.Code != 1 || !strings.Contains(got.Err, want) {
					t.Errorf("%s: exit %d, %s; want 1 and %q", tc.name, got.Code, got.Err, want)
				}
			}
			continue
		}
		p, before := in.Serve(tc.env...), seen.Total()
		if a := chat(c, p, k, "user"); a.status != http.StatusOK {
			t.Errorf("%s: status %d, want 200: %s", tc.name, a.status, a.body)
		}
		if last, _ := seen.Last(); seen.Total() != before+1 || last.Header.Get("Authorization") != "Bearer "+node.StoredKey {
			t.Errorf("%s: %d requests reached the provider, the last not with the stored key", tc.name, seen.Total()-before)
		}
		p.Stop()
	}
}
