package process

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/await"
)

var setupLink = regexp.MustCompile(`http://localhost:\d+/login#setup=(\w{43})`)

// A newcomer opens the printed link, and owns the project that a command has made. The session outlives the process.
func TestTheFirstAccountIsMadeByThePrintedLink(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	p := in.Serve()
	k := in.Create(`{"name": "A"}`)
	await.Within(t, patience, "it prints a link", func() bool { return setupLink.MatchString(p.Out.String()) })
	token := setupLink.FindStringSubmatch(p.Out.String())[1]
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	send := func(method, path, body string) (status int, answer map[string]any) {
		t.Helper()
		r, err := http.NewRequest(method, "http://"+strings.TrimPrefix(p.URL, "http://")+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close() //nolint:errcheck // the body is only read
		text, _ := io.ReadAll(res.Body)
		_ = json.Unmarshal(text, &answer)
		return res.StatusCode, answer
	}
	if status, answer := send("POST", "/api/auth/setup", `{"token": "`+token+`", "email": "ann@example.com"}`); status != 200 {
		t.Fatalf("setup: %d %v", status, answer)
	}
	if status, answer := send("GET", "/api/projects/"+k.Project+"/members", ""); status != 200 || !strings.Contains(toJSON(answer), `"role":"owner"`) {
		t.Errorf("members: %d %v", status, answer)
	}
	p.Kill()
	p = in.Serve()
	await.Within(t, patience, "it prints where it serves", func() bool { return strings.Contains(p.Out.String(), "serves at") })
	if status, answer := send("GET", "/api/auth/me", ""); status != 200 || !strings.Contains(toJSON(answer), `"ann@example.com"`) {
		t.Errorf("after a restart: %d %v", status, answer)
	}
	// The command works beside the server, for who has lost the session.
	out := in.Run("", nil, "login-link", "ann@example.com").Out
	link := regexp.MustCompile(`/login#t=(\w{43})`).FindStringSubmatch(out)
	if link == nil {
		t.Fatalf("login-link prints %q", out)
	}
	if status, answer := send("POST", "/api/auth/magic-link/verify", `{"token": "`+link[1]+`", "email": "ann@example.com"}`); status != 200 {
		t.Errorf("login-link: %d %v", status, answer)
	}
	p.Stop()
	if strings.Contains(p.Out.String(), "#setup=") || strings.Contains(p.Log.String(), "#setup=") || strings.Contains(p.Log.String(), link[1]) {
		t.Error("a start with an account prints a link of the setup, or a link is in the log")
	}
}

func toJSON(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// In production a log is read by more people than may own the server.
func TestAProductionLogHasNoLink(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	env := []string{"NODE_ENV=production", "JWT_SECRET=3b1f0c9d5e7a86421f0e9d8c7b6a59483726150f4e3d2c1b0a998877665544ff", "HOST=127.0.0.1", "SIGNUP=open", "LOG_LEVEL=debug"}
	p := in.Start(exec.Command(binary, "serve"), env...)
	await.Within(t, patience, "it says what to do", func() bool { return strings.Contains(p.Log.String(), "login-link you@example.com") })
	await.Within(t, patience, "it serves", func() bool { return strings.Contains(p.Log.String(), `"msg":"serving"`) })
	p.Stop()
	if log := p.Log.String(); strings.Contains(log, "/login#") {
		t.Errorf("a link is in the log:\n%s", log)
	}
}
