package process

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/node"
	"github.com/airatelimit/airatelimit/test/pgtest"
)

// echoing is an upstream that echoes and counts.
func echoing(t *testing.T) (url string, seen *echo.Recorder) {
	t.Helper()
	seen = new(echo.Recorder)
	provider := echo.New(echo.Options{Recorder: seen})
	return upstream(t, func(http.Handler) http.Handler { return provider }), seen
}

func TestSecondServerOnTheSameDataRefusesToStart(t *testing.T) {
	t.Parallel()
	pgtest.OnlyFile(t)
	in := newInstallation(t)
	url, _ := echoing(t)
	k := in.Create(node.OpenAI(url, ""))
	p, c := in.Serve(), newClient(t)
	second := in.Run("", nil, "serve")
	if second.Code != 1 || !strings.Contains(second.Err, "another airatelimit serve is using this database") {
		t.Errorf("a second server: exit %d, %q; want 1 and what is wrong", second.Code, second.Err)
	}
	if a := chat(c, p, k, "user"); a.status != http.StatusOK {
		t.Errorf("the first server then answers %d %v, want 200", a.status, a.err)
	}
	p.Kill()
	if a := chat(c, in.Serve(), k, "user"); a.status != http.StatusOK {
		t.Errorf("a server started after a kill answers %d %v, want 200: the claim must end with the process", a.status, a.err)
	}
}

func TestProjectCommandsTakeEffectBesideARunningServer(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	url, seen := echoing(t)
	p, c := in.Serve(), newClient(t)

	k := in.Create(node.OpenAI(url, ""))
	if a := chat(c, p, k, "user"); a.status != http.StatusOK {
		t.Fatalf("a project made a moment ago: %d %s, want 200", a.status, a.body)
	}
	limitOf := func() string {
		a := do(c, request(context.Background(), http.MethodGet, p.URL+"/v1/usage", k.Project, "user", ""))
		var got struct{ Limits []struct{ Limit json.Number } }
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatalf("usage: %d %v %s", a.status, a.err, a.body)
		}
		if len(got.Limits) == 0 {
			return ""
		}
		return got.Limits[0].Limit.String()
	}
	for _, limit := range []string{"2", "1", "3"} {
		if got := in.Run(`{"requestLimit": `+limit+`}`, nil, "project", "config", k.Project, "--set", "-"); got.Code != 0 {
			t.Fatalf("project config: exit %d: %s", got.Code, got.Err)
		}
		await.Within(t, time.Second, "the limit is "+limit, func() bool { return limitOf() == limit })
	}
	if a, b, c := chat(c, p, k, "user").status, chat(c, p, k, "user").status, chat(c, p, k, "user").status; a != 200 || b != 200 || c != 429 {
		t.Errorf("the second to fourth request under a limit of 3: %d %d %d, want 200 200 429", a, b, c)
	}
	if n := seen.Total(); n != 3 {
		t.Errorf("%d requests reached the provider, want 3", n)
	}
	if got := in.Run("", nil, "project", "delete", k.Project, "--yes"); got.Code != 0 {
		t.Fatalf("project delete: exit %d: %s", got.Code, got.Err)
	}
	await.Within(t, time.Second, "a deleted project's key is refused", func() bool {
		return chat(c, p, k, "another").status == http.StatusUnauthorized
	})
}

// The line that project create prints is what a newcomer pastes first.
func TestPrintedCurlWorksAsPasted(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	url, seen := echoing(t)
	p := in.Serve()
	port := p.URL[strings.LastIndex(p.URL, ":")+1:]
	for name, document := range map[string]string{
		"with a stored key":       node.OpenAI(url, ""),
		"with the client's key":   strings.ReplaceAll(node.OpenAI(url, ""), `, "key": "`+node.StoredKey+`"`, ""),
		"with a provider of ones": `{"providers": {"local": {"baseUrl": "` + url + `/v1", "dialect": "openai", "models": ["my-model"], "key": "` + node.StoredKey + `"}}}`,
	} {
		made := in.Run(document, []string{"PORT=" + port}, "project", "create", "--name", "It's mine", "--config", "-")
		_, line, ok := strings.Cut(made.Out, "while airatelimit serves:\n\n")
		if !ok || made.Code != 0 {
			t.Fatalf("%s: project create: exit %d: %s%s", name, made.Code, made.Out, made.Err)
		}
		before := seen.Total()
		got := in.Paste(line, "OPENAI_API_KEY=sk-proj-0123456789abcdef")
		if got.Code != 0 || !strings.Contains(got.Out, echo.Prefix+"Say hello.") {
			t.Errorf("%s: pasted:\n%s\nexit %d: %s%s", name, line, got.Code, got.Out, got.Err)
		}
		if n := seen.Total() - before; n != 1 {
			t.Errorf("%s: %d requests reached the provider, want 1", name, n)
		}
	}
}
