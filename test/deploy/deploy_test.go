// Package deploy keeps the files of deploy/ true: they parse, name metrics that are exported and variables that are
// read, and give the server the time it takes to stop.
package deploy

import (
	"bufio"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v4"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/metrics"
	"github.com/airatelimit/airatelimit/test/stack"
)

// root is the repository's, from here.
const root = "../../"

// stopping is what a platform should give a shutdown beyond DRAIN_SECONDS: 15 s for answers that leave, handlers that
// settle, traces, and a ledger whose database is away; and what a busy machine adds.
const stopping = 20 * time.Second

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(root + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// variables are those of .env.example.
func variables(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for lines := bufio.NewScanner(strings.NewReader(read(t, ".env.example"))); lines.Scan(); {
		if name, _, ok := strings.Cut(lines.Text(), "="); ok && !strings.HasPrefix(name, "#") {
			names[name] = true
		}
	}
	return names
}

// wantTime checks that a platform waits for as long as the server may take to stop.
func wantTime(t *testing.T, file string, given time.Duration) {
	t.Helper()
	cfg, err := config.Load(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if least := cfg.Drain + stopping; given < least {
		t.Errorf("%s gives %s to stop, want %s: DRAIN_SECONDS and what comes after it", file, given, least)
	}
}

// exported are the names of what a server exports, as queries spell them.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit": 1}`})
	s.Chat("ann", "gpt-4o")
	s.Chat("ann", "gpt-4o")
	s.Log.Await(t, "limit_exceeded")
	resp, err := http.Get(s.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{"up": true} // Prometheus' own
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\w+) (\w+)$`).FindAllStringSubmatch(string(page), -1) {
		names[m[1]] = true
		if m[2] == "histogram" {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				names[m[1]+suffix] = true
			}
		}
	}
	return names
}

var (
	quoted     = regexp.MustCompile(`"[^"]*"`)
	identifier = regexp.MustCompile(`[a-zA-Z_]\w*`)
	// words are what else a query of ours is made of: functions, keywords and labels.
	words = strings.Fields("sum count rate increase histogram_quantile by and or on le job instance outcome provider family kind direction version m d h s")
)

// namesIn are the names in a query that are none of the language's.
func namesIn(query string) []string {
	query = quoted.ReplaceAllString(query, "")
	query = regexp.MustCompile(`\[[^\]]*\]`).ReplaceAllString(query, "")
	var names []string
	for _, name := range identifier.FindAllString(query, -1) {
		if !slices.Contains(words, name) {
			names = append(names, name)
		}
	}
	return names
}

func wantMetrics(t *testing.T, where, query string, known map[string]bool) {
	t.Helper()
	names := namesIn(query)
	if len(names) == 0 {
		t.Errorf("%s: no metric in %q", where, query)
	}
	for _, name := range names {
		if !known[name] {
			t.Errorf("%s: %s is not exported: %s", where, name, query)
		}
	}
	wantOutcomes(t, where, query)
	if o, c := strings.Count(query, "("), strings.Count(query, ")"); o != c {
		t.Errorf("%s: %d opening and %d closing brackets: %s", where, o, c, query)
	}
}

var outcomeIs = regexp.MustCompile(`outcome(=|!=|=~|!~)"([^"]*)"`)

// wantOutcomes checks that each outcome which a query names, and each part of a pattern of them, is one that a request can
// come to: a rule with a mistyped one never fires.
func wantOutcomes(t *testing.T, where, query string) {
	t.Helper()
	for _, m := range outcomeIs.FindAllStringSubmatch(query, -1) {
		for _, part := range outcomesOf(m[1], m[2]) {
			if !slices.ContainsFunc(metrics.Outcomes(), regexp.MustCompile("^(?:"+part+")$").MatchString) {
				t.Errorf("%s: no request comes to the outcome %s: %s", where, part, query)
			}
		}
	}
}

// alternatives are the patterns that one with a|b, or x(a|b), stands for.
func alternatives(pattern string) []string {
	before, inner, after := "", pattern, ""
	if m := regexp.MustCompile(`^([^(|]*)\(([^()]*)\)([^(|]*)$`).FindStringSubmatch(pattern); m != nil {
		before, inner, after = m[1], m[2], m[3]
	}
	var parts []string
	for part := range strings.SplitSeq(inner, "|") {
		parts = append(parts, before+part+after)
	}
	return parts
}

func TestDashboardAndAlertsUseWhatIsExported(t *testing.T) {
	t.Parallel()
	known := exported(t)
	used := map[string]bool{}

	var dashboard struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "deploy/grafana/airatelimit.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			wantMetrics(t, "panel "+p.Title, target.Expr, known)
			for _, name := range namesIn(target.Expr) {
				used[name] = true
			}
		}
	}

	var alerts struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "deploy/prometheus/alerts.yml")), &alerts); err != nil {
		t.Fatal(err)
	}
	rules := 0
	for _, g := range alerts.Groups {
		for _, r := range g.Rules {
			rules++
			wantMetrics(t, "alert "+r.Alert, r.Expr, known)
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("alert %s: want a severity, a summary and a description", r.Alert)
			}
			if !strings.Contains(read(t, "docs/operations.md"), r.Alert) {
				t.Errorf("alert %s: docs/operations.md does not say what to do", r.Alert)
			}
		}
	}
	if rules == 0 || len(used) < 10 {
		t.Errorf("%d alerts, %d metrics on the dashboard", rules, len(used))
	}
}

var selector = regexp.MustCompile(`(\w+)(?:\{([^}]*)\})?`)

// A rule about a series that is born with the failure never fires: increase() sees no increase, and a comparison with
// nothing is nothing.
func TestEverySeriesOfARuleIsThereFromTheStart(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	page, err := http.Get(s.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(page.Body)
	if err != nil {
		t.Fatal(err)
	}
	var alerts struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "deploy/prometheus/alerts.yml")), &alerts); err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, r := range alerts.Groups[0].Rules {
		for _, m := range selector.FindAllStringSubmatch(r.Expr, -1) {
			if !strings.HasPrefix(m[1], "airatelimit_") && !strings.HasPrefix(m[1], "process_") {
				continue
			}
			outcomes := []string{""}
			if is := outcomeIs.FindStringSubmatch(m[2]); is != nil {
				outcomes = outcomesOf(is[1], is[2])
			}
			for _, outcome := range outcomes {
				looked++
				series := regexp.MustCompile(`(?m)^` + m[1] + `[ {]`)
				if outcome != "" {
					series = regexp.MustCompile(`(?m)^` + m[1] + `\{.*outcome="(?:` + outcome + `)".*\} 0$`)
				}
				if !series.Match(text) {
					t.Errorf("alert %s: a fresh server has no series %s with outcome %q", r.Alert, m[1], outcome)
				}
			}
		}
	}
	if looked < 15 {
		t.Errorf("looked at %d series, want those of all rules", looked)
	}
}

// outcomesOf are the outcomes that a matcher names, as patterns.
func outcomesOf(operator, value string) []string {
	if strings.HasSuffix(operator, "~") {
		return alternatives(value)
	}
	return []string{regexp.QuoteMeta(value)}
}

// The table of docs/operations.md is that of what is exported.
func TestDocsListEveryMetric(t *testing.T) {
	t.Parallel()
	doc := read(t, "docs/operations.md")
	for name := range exported(t) {
		if _, ok := strings.CutPrefix(name, "airatelimit_"); ok && !regexp.MustCompile(`_(bucket|sum|count)$`).MatchString(name) && !strings.Contains(doc, "`"+name+"`") {
			t.Errorf("docs/operations.md says nothing of %s", name)
		}
	}
}

// pinned is a version that will not become another one.
var pinned = regexp.MustCompile(`:\d+\.\d+(\.\d+)?(-[a-z0-9]+)?$`)

func TestCompose(t *testing.T) {
	t.Parallel()
	type service struct {
		Image       string
		Build       struct{ Dockerfile string }
		Environment map[string]string
		Deploy      struct{ Replicas int }
		Grace       string `yaml:"stop_grace_period"`
		Healthcheck struct{ Test []string }
		Volumes     []string
		Ports       []string
	}
	var file struct {
		Services map[string]service
		Volumes  map[string]any
	}
	text := read(t, "deploy/compose.yaml")
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	gateway, known := file.Services["gateway"], variables(t)
	for name := range gateway.Environment {
		if !known[name] {
			t.Errorf("gateway: %s is not a variable of .env.example", name)
		}
	}
	if gateway.Deploy.Replicas < 2 || !strings.HasPrefix(gateway.Environment["DATABASE_URL"], "postgresql://") {
		t.Errorf("gateway: %d replicas on %.12s, want several on PostgreSQL", gateway.Deploy.Replicas, gateway.Environment["DATABASE_URL"])
	}
	read(t, gateway.Build.Dockerfile)
	grace, err := time.ParseDuration(gateway.Grace)
	if err != nil {
		t.Fatal(err)
	}
	wantTime(t, "compose.yaml", grace)
	for _, name := range []string{"postgres", "balancer"} {
		if s := file.Services[name]; !pinned.MatchString(s.Image) || len(s.Healthcheck.Test) == 0 {
			t.Errorf("%s: image %q, healthcheck %v; want a pinned version, and one", name, s.Image, s.Healthcheck.Test)
		}
	}
	if len(file.Services["postgres"].Ports)+len(gateway.Ports) > 0 {
		t.Error("only the balancer is to be reached from outside")
	}
	// A secret has no default: without one nothing starts.
	for _, name := range []string{"POSTGRES_PASSWORD", "JWT_SECRET", "ENCRYPTION_KEY"} {
		for _, m := range regexp.MustCompile(`\$\{`+name+`(\W[^}]*)?\}`).FindAllString(text, -1) {
			if !strings.HasPrefix(m, "${"+name+":?") {
				t.Errorf("%s is not required: %s", name, m)
			}
		}
	}
	conf := read(t, "deploy/nginx.conf")
	for _, need := range []string{"location = /metrics", "proxy_buffering off;", "proxy_http_version 1.1;"} {
		if !strings.Contains(conf, need) {
			t.Errorf("nginx.conf has no %q", need)
		}
	}
	// The file for compose differs in nothing but the nodes; that for any nginx takes no newer one's directives.
	nodes := regexp.MustCompile(`(?m)^.*\bserver [^{]*;.*\n|^ *resolver .*\n| +#.*$|^#.*\n|^\s*\n`)
	if a, b := nodes.ReplaceAllString(conf, ""), nodes.ReplaceAllString(read(t, "deploy/compose.nginx.conf"), ""); a != b {
		t.Errorf("nginx.conf and compose.nginx.conf differ in more than the nodes:\n%s\n---\n%s", a, b)
	}
	if regexp.MustCompile(`\bresolve\b`).MatchString(conf) {
		t.Error("nginx.conf has names resolved in an upstream, which Debian's nginx cannot")
	}
	if strings.Count(conf, "{") != strings.Count(conf, "}") || regexp.MustCompile(`(?m)^[^#]*non_idempotent`).MatchString(conf) {
		t.Error("nginx.conf: want its blocks closed, and no request sent twice")
	}
}

func TestDockerfile(t *testing.T) {
	t.Parallel()
	file, known := read(t, "deploy/docker/Dockerfile"), variables(t)
	for _, m := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(file, -1) {
		if m[1] != "scratch" && !pinned.MatchString(m[1]) {
			t.Errorf("%s is not pinned", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^ENV (.*)$`).FindAllStringSubmatch(file, -1) {
		for _, pair := range strings.Fields(m[1]) {
			if name, _, _ := strings.Cut(pair, "="); !known[name] {
				t.Errorf("%s is not a variable of .env.example", name)
			}
		}
	}
	// Files of earlier stages are not in the image.
	base, image, _ := strings.Cut(file[strings.LastIndex(file, "\nFROM ")+len("\nFROM "):], "\n")
	if base != "scratch" {
		t.Errorf("the image is made from %s, want scratch: nothing in it but what is copied", base)
	}
	if !regexp.MustCompile(`(?m)^RUN CGO_ENABLED=0 go build `).MatchString(file) {
		t.Error("the binary is not built with CGO_ENABLED=0: from scratch there is no C library to load")
	}
	users := regexp.MustCompile(`(?m)^USER (.*)$`).FindAllStringSubmatch(image, -1)
	if len(users) == 0 || !regexp.MustCompile(`^[1-9]\d*(:[1-9]\d*)?$`).MatchString(users[len(users)-1][1]) {
		t.Errorf("users %q of the last stage, want a number that is not root's", users)
	}
	needs := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))[1]
	if !strings.Contains(file, "golang:"+needs+".") {
		t.Errorf("go.mod needs Go %s, the image builds with another", needs)
	}
}

// The licences demand that their texts go with the binary.
func TestTheImageHasTheLicences(t *testing.T) {
	t.Parallel()
	file, sent := read(t, "deploy/docker/Dockerfile"), strings.Split(read(t, ".dockerignore"), "\n")
	image := file[strings.LastIndex(file, "\nFROM "):]
	for _, name := range []string{"LICENSE", "THIRD_PARTY_NOTICES"} {
		if !regexp.MustCompile(`(?m)^COPY [^-\n]*\b`+name+`\b`).MatchString(image) || !slices.Contains(sent, "!"+name) {
			t.Errorf("%s is not copied into the image, or .dockerignore keeps it out", name)
		}
	}
}

// An env file may have every variable, most of them empty: docker run --env-file hands them over as they are.
func TestTheImageIsForProductionWhateverTheEnvFileLeavesEmpty(t *testing.T) {
	t.Parallel()
	flags := regexp.MustCompile(`-ldflags "([^"]*)"`).FindStringSubmatch(read(t, "deploy/docker/Dockerfile"))
	if flags == nil {
		t.Fatal("the Dockerfile has no -ldflags")
	}
	binary := filepath.Join(t.TempDir(), "airatelimit")
	build := exec.Command("go", "build", "-ldflags", flags[1], "-o", binary, root+"cmd/airatelimit")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, tc := range []struct {
		env  []string
		want string // on standard error
	}{
		{nil, "JWT_SECRET is not set, and production needs its own"},
		{[]string{"NODE_ENV=", "APP_ENV="}, "JWT_SECRET is not set, and production needs its own"},
		{[]string{"NODE_ENV=\"production\""}, "NODE_ENV has quotes around its value"},
		{[]string{"NODE_ENV=development"}, ""},
	} {
		run := exec.Command(binary, "project", "create", "--name", "A")
		run.Env, run.Dir = tc.env, t.TempDir()
		var said strings.Builder
		run.Stderr = &said
		err := run.Run()
		if (err == nil) != (tc.want == "") || !strings.Contains(said.String(), tc.want) {
			t.Errorf("%v: %v, %q, want %q", tc.env, err, said.String(), tc.want)
		}
	}
}

func TestRailway(t *testing.T) {
	t.Parallel()
	var file struct {
		Build  struct{ DockerfilePath string }
		Deploy struct {
			HealthcheckPath string
			DrainingSeconds int
		}
	}
	if err := json.Unmarshal([]byte(read(t, "deploy/railway.json")), &file); err != nil {
		t.Fatal(err)
	}
	read(t, file.Build.DockerfilePath)
	wantTime(t, "railway.json", time.Duration(file.Deploy.DrainingSeconds)*time.Second)
	if file.Deploy.HealthcheckPath != "/readyz" {
		t.Errorf("health check at %q, want /readyz", file.Deploy.HealthcheckPath)
	}
}

func TestFly(t *testing.T) {
	t.Parallel()
	var file struct {
		KillTimeout int `toml:"kill_timeout"`
		Build       struct{ Dockerfile string }
		Env         map[string]string
		HTTPService struct {
			InternalPort int `toml:"internal_port"`
			Checks       []struct{ Path string }
		} `toml:"http_service"`
	}
	if _, err := toml.Decode(read(t, "deploy/fly.toml"), &file); err != nil {
		t.Fatal(err)
	}
	read(t, "deploy/"+file.Build.Dockerfile)
	wantTime(t, "fly.toml", time.Duration(file.KillTimeout)*time.Second)
	known := variables(t)
	for name := range file.Env {
		if !known[name] {
			t.Errorf("%s is not a variable of .env.example", name)
		}
	}
	if len(file.HTTPService.Checks) != 1 || file.HTTPService.Checks[0].Path != "/readyz" || strconv.Itoa(file.HTTPService.InternalPort) != file.Env["PORT"] {
		t.Errorf("service %+v, want the port %s and /readyz", file.HTTPService, file.Env["PORT"])
	}
}

// The commands that deploy/README.md has people paste are ours as they are, and name variables that are read.
func TestCommandsOfTheReadme(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "airatelimit")
	if out, err := exec.Command("go", "build", "-o", binary, root+"cmd/airatelimit").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	doc, known := read(t, "deploy/README.md"), variables(t)
	ours := regexp.MustCompile("(?:\\./bin|)/?\\bairatelimit ((?:project|backup)[^'`\n]*)").FindAllStringSubmatch(doc, -1)
	if len(ours) < 3 {
		t.Errorf("%d commands of ours, want those that make a project on Railway and on Fly", len(ours))
	}
	for _, m := range ours {
		run := exec.Command("sh", "-c", binary+" "+m[1]+" --help")
		run.Env = []string{"PATH=" + os.Getenv("PATH")}
		if out, err := run.CombinedOutput(); err != nil {
			t.Errorf("airatelimit %s: %v\n%s", m[1], err, out)
		}
	}
	for _, m := range regexp.MustCompile(`\b([A-Z]+_[A-Z_]+)=`).FindAllStringSubmatch(doc, -1) {
		if !known[m[1]] {
			t.Errorf("%s is not a variable of .env.example", m[1])
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^|]*)` \\|").FindAllStringSubmatch(doc, -1) {
		for name := range strings.SplitSeq(m[1], "`, `") {
			read(t, "deploy/"+name)
		}
	}
	// A command on an app that the configuration does not name says which.
	for _, m := range regexp.MustCompile(`(?m)\bfly (?:secrets|deploy|ssh|scale|postgres)[^\n]*`).FindAllString(doc, -1) {
		if strings.HasPrefix(m, "fly deploy` ") {
			continue
		}
		if !strings.Contains(m, "--app my-limits") {
			t.Errorf("%s: want --app", m)
		}
	}
}

func TestSystemd(t *testing.T) {
	t.Parallel()
	settings, known := map[string][]string{}, variables(t)
	for lines := bufio.NewScanner(strings.NewReader(read(t, "deploy/systemd/airatelimit.service"))); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), "="); ok && !strings.HasPrefix(name, "#") {
			settings[name] = append(settings[name], value)
		}
	}
	for name, want := range map[string]string{"DynamicUser": "yes", "StateDirectory": "airatelimit", "ProtectSystem": "strict", "NoNewPrivileges": "yes"} {
		if !slices.Equal(settings[name], []string{want}) {
			t.Errorf("%s=%v, want %s; there is %v", name, settings[name], want, slices.Sorted(maps.Keys(settings)))
		}
	}
	seconds, err := strconv.Atoi(strings.Join(settings["TimeoutStopSec"], ""))
	if err != nil {
		t.Fatal(err)
	}
	wantTime(t, "airatelimit.service", time.Duration(seconds)*time.Second)
	for _, m := range regexp.MustCompile(`([A-Z_]+)=`).FindAllStringSubmatch(strings.Join(settings["ExecStart"], " "), -1) {
		if !known[m[1]] {
			t.Errorf("%s is not a variable of .env.example", m[1])
		}
	}
}
