package process

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/node"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

func TestTheStartSaysWhatToDoNext(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	p := in.Serve()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(p.URL, "http://"))
	create := binary + ` project create --name "My app"`
	for _, want := range []string{"AI Ratelimit serves at http://localhost:" + port + "\n", "There is no project yet", create} {
		await.Within(t, patience, "it prints "+want, func() bool { return strings.Contains(p.Out.String(), want) })
	}
	if strings.Contains(p.Log.String(), "no project yet") {
		t.Error("the log says it again: one place is enough")
	}
	in.Create(`{"name": "A"}`)
	p.Stop()
	p = in.Serve()
	await.Within(t, patience, "it prints where it serves", func() bool { return strings.Contains(p.Out.String(), "serves at http://localhost:") })
	p.Stop() // all is printed and logged
	if out := p.Out.String(); strings.Contains(out, "project create") {
		t.Errorf("a start with a project prints %q, want where it serves and no more", out)
	}
	if strings.Contains(p.Log.String(), "no project yet") {
		t.Error("the log of a start with a project speaks of none")
	}
}

// A collector of JSON must not get other lines between.
func TestAStartInProductionPrintsNothingBesideItsLog(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	env := []string{"NODE_ENV=production", "JWT_SECRET=3b1f0c9d5e7a86421f0e9d8c7b6a59483726150f4e3d2c1b0a998877665544ff", "HOST=127.0.0.1"}
	p := in.Start(exec.Command(binary, "serve"), env...)
	await.Within(t, patience, "it serves", func() bool { return strings.Contains(p.Log.String(), `"msg":"serving"`) })
	p.Stop()
	if p.Out.String() != "" {
		t.Errorf("printed %q, want nothing", p.Out.String())
	}
	next := false
	for line := range strings.Lines(p.Log.String()) {
		var entry struct{ Msg, Next string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("a line of the log is no JSON: %s", line)
		}
		next = next || entry.Msg == "no project yet" && strings.HasSuffix(entry.Next, `project create --name "My app"`)
	}
	if !next {
		t.Errorf("the log does not say how a project is made:\n%s", p.Log.String())
	}
}

// A newcomer's laptop is in a café. In production everybody may connect.
func TestHostIsLoopbackOutsideProduction(t *testing.T) {
	t.Parallel()
	pgtest.OnlyFile(t)
	const secret = "JWT_SECRET=3b1f0c9d5e7a86421f0e9d8c7b6a59483726150f4e3d2c1b0a998877665544ff"
	for _, tc := range []struct {
		name string
		env  []string
		// 127.0.0.2 is another address of this machine.
		others bool
	}{
		{"development", nil, false},
		{"production", []string{"NODE_ENV=production", secret, "LOG_FORMAT=text"}, true},
		{"one address in production", []string{"NODE_ENV=production", secret, "LOG_FORMAT=text", "HOST=127.0.0.1"}, false},
		{"all addresses outside production", []string{"HOST=0.0.0.0"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t)
			p := in.Serve(tc.env...)
			resp, err := newClient(t).Get(strings.Replace(p.URL, "127.0.0.1", "127.0.0.2", 1) + "/healthz")
			if err == nil {
				_ = resp.Body.Close()
			}
			if (err == nil) != tc.others {
				t.Errorf("from another address: %v, want answered %t", err, tc.others)
			}
			if resp, err := http.Get(p.URL + "/healthz"); err != nil {
				t.Errorf("from this machine: %v", err)
			} else {
				_ = resp.Body.Close()
			}
			_, port, _ := net.SplitHostPort(strings.TrimPrefix(p.URL, "http://"))
			if got := in.Run("", append(tc.env, "PORT="+port), "healthcheck"); got.Code != 0 {
				t.Errorf("healthcheck: exit %d: %s", got.Code, got.Err)
			}
		})
	}
	in := newInstallation(t)
	p := in.Serve("HOST=127.0.0.3")
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(p.URL, "http://"))
	if got := in.Run("", []string{"PORT=" + port, "HOST=127.0.0.3"}, "healthcheck"); got.Code != 0 {
		t.Errorf("healthcheck of another address: exit %d: %s", got.Code, got.Err)
	}
}

// Railway and Fly are given two variables, and the image is for production.
func TestADatabaseAndASecretAreEnoughForProduction(t *testing.T) {
	t.Parallel()
	pgtest.OnlyFile(t)
	in := newInstallation(t)
	in.database = stack.Database(t)
	in.Env = map[string]string{"NODE_ENV": "production", "LOG_FORMAT": "text", "DATABASE_URL": in.database, "ALLOW_PRIVATE_UPSTREAMS": "true",
		"JWT_SECRET": "3b1f0c9d5e7a86421f0e9d8c7b6a59483726150f4e3d2c1b0a998877665544ff"}
	url, seen := echoing(t)
	p := in.Serve()
	settings := filepath.Join(in.Dir, "app.json")
	if err := os.WriteFile(settings, []byte(`{"providers": {"openai": {"baseUrl": "`+url+`/v1"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	made := in.Run("", nil, "project", "create", "--name", "My app", "--config", settings, "--json")
	var keys struct{ ProjectKey, SecretKey string }
	if err := json.Unmarshal([]byte(made.Out), &keys); err != nil || made.Code != 0 {
		t.Fatalf("project create: exit %d, %v, %s", made.Code, err, made.Err)
	}
	k := node.Keys{Project: keys.ProjectKey, Secret: keys.SecretKey}
	if a := chat(newClient(t), p, k, "ann", "Authorization", "Bearer sk-proj-clients-own-0123456789"); a.status != http.StatusOK {
		t.Errorf("a request with the app's own key: %d %s", a.status, a.body)
	}
	if last, _ := seen.Last(); last.Header.Get("Authorization") != "Bearer sk-proj-clients-own-0123456789" {
		t.Error("the provider did not get the app's own key")
	}
	if !strings.Contains(p.Log.String(), "ENCRYPTION_KEY not set: provider keys cannot be stored") {
		t.Error("the log does not say that provider keys cannot be stored")
	}
	got := in.Run("", []string{"KEY=" + node.StoredKey}, "project", "provider-key", k.Project, "openai=env:KEY")
	if got.Code != 1 || !strings.Contains(got.Err, "encryption_key_missing") {
		t.Errorf("storing a key: exit %d, %s; want 1 and encryption_key_missing", got.Code, got.Err)
	}
	// On the developer's own machine the command has a key, which it made and the server does not have.
	got = in.Run("", []string{"NODE_ENV=development", "KEY=" + node.StoredKey}, "project", "provider-key", k.Project, "openai=env:KEY")
	if got.Code != 1 || !strings.Contains(got.Err, "ENCRYPTION_KEY is not set here") {
		t.Errorf("storing a key from another machine: exit %d, %s; want 1 and what to set", got.Code, got.Err)
	}
	p.Stop()
	p = in.Serve()
	if a := chat(newClient(t), p, k, "ann", "Authorization", "Bearer sk-proj-clients-own-0123456789"); a.status != http.StatusOK {
		t.Errorf("after a restart: %d %s", a.status, a.body)
	}
	own := []string{"NODE_ENV=development", "KEY=" + node.StoredKey, "ENCRYPTION_KEY=9e1d47b0c8f263a57d40e9b1f6c8352a0b7d94e8c15f63a2d8b04e7f19c6a350"}
	if got = in.Run("", own, "project", "provider-key", k.Project, "openai=env:KEY"); got.Code != 0 {
		t.Errorf("with a key that is set: exit %d, %s", got.Code, got.Err)
	}
}
