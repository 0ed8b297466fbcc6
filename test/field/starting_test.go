package field

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

// loaded is why an environment of one variable is refused.
func loaded(name, value string) error {
	_, err := config.Load(func(n string) string { return map[string]string{name: value}[n] })
	return err
}

func TestStarting(t *testing.T) {
	t.Parallel()

	t.Run("a wrong encryption key starts, is ready, and fails every request", func(t *testing.T) {
		t.Parallel()
		env := map[string]string{"ENCRYPTION_KEY": "9e1d47b0c8f263a57d40e9b1f6c8352a0b7d94e8c15f63a2d8b04e7f19c6a350"}
		s := stack.New(t, stack.Options{Env: env})
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		s.Stop()
		right := env["ENCRYPTION_KEY"]
		env["ENCRYPTION_KEY"] = "3b1f0c9d5e7a86421f0e9d8c7b6a59483726150f4e3d2c1b0a998877665544ff"
		_, err := s.Beside()
		if err == nil || !strings.Contains(err.Error(), "the key of openai in project "+s.ProjectKey) || !strings.Contains(err.Error(), "ENCRYPTION_KEY_PREVIOUS") {
			t.Fatalf("a start with another key: %v, want it refused, and what to do", err)
		}
		env["ENCRYPTION_KEY_PREVIOUS"] = right
		s.Restart()
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
		delete(env, "ENCRYPTION_KEY_PREVIOUS")
		s.Restart() // everything is sealed with the new key by now
		stack.WantStatus(t, s.Chat("ann", "gpt-4o"), http.StatusOK)
	})

	t.Run("quotes in an env file switch production off", func(t *testing.T) {
		t.Parallel()
		for _, value := range []string{`"production"`, `'production'`, "prod", "Production!"} {
			if err := loaded("NODE_ENV", value); err == nil || !strings.Contains(err.Error(), "NODE_ENV") {
				t.Errorf("NODE_ENV=%s: %v, want it refused", value, err)
			}
		}
	})

	t.Run("a platform's self-signed database certificate fails without a word on what to set", func(t *testing.T) {
		t.Parallel()
		pgtest.Once(t)
		tls := httptest.NewTLSServer(http.NotFoundHandler()) // whose certificate is signed by itself
		t.Cleanup(tls.Close)
		own := tls.TLS.Certificates[0]
		key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		c := pgtest.New(t, pgtest.Options{TCP: true, Settings: map[string]string{"ssl": "on"}, Files: map[string]string{
			"server.crt": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]})),
			"server.key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
		}})
		const verified = "?sslmode=verify-full" // as it is where nothing is said, but on a loopback address
		_, err = store.Open(t.Context(), "postgresql://postgres:hunter2@"+c.Address()+"/postgres"+verified)
		if err == nil || !strings.Contains(err.Error(), "Add sslmode=require or sslrootcert=PATH") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v, want it to say what to set, and no password", err)
		}
		db, err := store.Open(t.Context(), "postgresql://postgres:hunter2@"+c.Address()+"/postgres?sslmode=require")
		if err != nil {
			t.Fatalf("with what it said: %v", err)
		}
		_ = db.Close()
	})

	t.Run("an alert that never fires because its series is born with the failure", func(t *testing.T) {
		t.Parallel()
		s := stack.New(t, stack.Options{})
		failures := func() map[string]string {
			resp, err := http.Get(s.URL + "/metrics")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close() //nolint:errcheck // read to its end
			page, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			of := map[string]string{}
			for _, m := range regexp.MustCompile(`(?m)^airatelimit_failures_total\{outcome="(\w+)",provider="openai"\} (\S+)$`).FindAllStringSubmatch(string(page), -1) {
				of[m[1]] = m[2]
			}
			return of
		}
		if before := failures(); before["internal_error"] != "0" || before["provider_auth_failed"] != "0" || before["provider_unreachable"] != "0" {
			t.Errorf("failures of a fresh server: %v, want each with 0", before)
		}
		s.Upstream.Close()
		s.Chat("ann", "gpt-4o")
		await.Soon(t, "the failure", func() bool { return failures()["provider_unreachable"] == "1" })
	})
}

func TestSecretsThatAreMisplaced(t *testing.T) {
	t.Parallel()

	t.Run("a project's secret key stored as a provider's", func(t *testing.T) {
		t.Parallel()
		s := stack.New(t, stack.Options{})
		_, err := s.Store().UpdateProject(t.Context(), s.ProjectKey, func(now project.Settings) (project.Settings, error) {
			return now.Patch([]byte(`{"providers": {"openai": {"key": "` + s.SecretKey + `"}}}`))
		})
		if err == nil || !strings.Contains(err.Error(), "providers.openai.key") || !strings.Contains(err.Error(), "secret key of AI Ratelimit") || strings.Contains(err.Error(), s.SecretKey) {
			t.Errorf("%v, want it refused by name, and not quoted", err)
		}
	})

	t.Run("half a database password in a log line and a DNS query", func(t *testing.T) {
		t.Parallel()
		for _, url := range []string{
			"postgresql://u:half@hunter2@db.example.com/x", "postgresql://u:half@hunter2/x@db.example.com/x", "postgresql://u:half@hunter2?x@db.example.com/x",
			"postgresql://u:half@hunter2/x?y@db.example.com/x", "postgresql://u:half@hunter2,x@db.example.com/x", `"postgresql://u:hunter2@db.example.com/x"`,
		} {
			err := loaded("DATABASE_URL", url)
			if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "half") {
				t.Errorf("%s: %v, want it refused, and not quoted", url, err)
			}
		}
	})
}
