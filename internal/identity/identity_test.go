package identity

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"

	"pgregory.net/rapid"
)

const (
	pk    = "pk_0123456789abcdefghij"
	other = "pk_zzzzzzzzzzzzzzzzzzzz"
)

// catalog is projects in memory, by key.
type catalog map[string]*project.Snapshot

func (c catalog) Project(_ context.Context, key string) (*project.Snapshot, error) {
	if p, ok := c[key]; ok {
		return p, nil
	}
	return nil, project.ErrNotFound
}

// failing answers every question in the same way.
type failing struct{ err error }

func (f failing) Project(context.Context, string) (*project.Snapshot, error) { return nil, f.err }

func snapshot(t testing.TB, doc string) *project.Snapshot {
	t.Helper()
	s, err := project.ParseSettings([]byte(doc))
	if err != nil {
		t.Fatalf("ParseSettings: %v", err)
	}
	snap, err := project.NewSnapshot(project.Record{Key: pk, Settings: s}, nil)
	if err != nil {
		t.Fatalf("NewSnapshot: %v", err)
	}
	return snap
}

func request(query string, pairs ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions"+query, nil)
	for i := 0; i < len(pairs); i += 2 {
		r.Header.Add(pairs[i], pairs[i+1])
	}
	return r
}

// refusal checks that err is the refusal with a status and code.
func refusal(t *testing.T, err error, status int, code string) {
	t.Helper()
	var e *wire.Error
	if !errors.As(err, &e) || e.Status != status || e.Code != code || e.Message == "" {
		t.Errorf("error %v; want %d %s", err, status, code)
	}
	if e != nil && (strings.Contains(e.Message, pk) || strings.Contains(e.Message, other)) {
		t.Errorf("the message quotes a key: %s", e.Message)
	}
}

func TestTheProjectKeyIsFoundWhereverAnSDKPutsIt(t *testing.T) {
	t.Parallel()
	projects := catalog{pk: snapshot(t, `{}`)}
	for name, r := range map[string]*http.Request{
		"x-project-key":             request("", "x-project-key", pk),
		"spaces around it":          request("", "x-project-key", "  "+pk+"\t"),
		"bearer":                    request("", "Authorization", "Bearer "+pk),
		"x-api-key":                 request("", "x-api-key", pk),
		"x-goog-api-key":            request("", "x-goog-api-key", pk),
		"query":                     request("?alt=sse&key=" + pk),
		"query, encoded":            request("?k%65y=%70k_0123456789abcdefghij"),
		"twice, the same":           request("", "x-project-key", pk, "x-project-key", pk+" "),
		"everywhere, the same":      request("?key="+pk, "x-project-key", pk, "Authorization", "Bearer "+pk, "x-api-key", pk),
		"beside a provider's key":   request("", "x-project-key", pk, "Authorization", "Bearer sk-proj-x"),
		"beside a provider's key 2": request("?key=AIzaX", "x-goog-api-key", pk),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.Header.Set("x-identity", "user")
			got, err := Authenticate(t.Context(), projects, r)
			if err != nil || got.Project != projects[pk] || got.Identity != "user" || got.Tier != "" {
				t.Errorf("Authenticate = %+v, %v", got, err)
			}
		})
	}
}

func TestRequestsWithoutOneKnownProjectKeyAreRefused(t *testing.T) {
	t.Parallel()
	known := catalog{pk: snapshot(t, `{}`), other: snapshot(t, `{}`)}
	for name, tc := range map[string]struct {
		r      *http.Request
		status int
		code   string
	}{
		"none":                          {request(""), 401, "missing_project_key"},
		"empty":                         {request("?key=", "x-project-key", " ", "x-api-key", "", "Authorization", "Bearer"), 401, "missing_project_key"},
		"a provider's key only":         {request("", "Authorization", "Bearer sk-proj-x"), 401, "missing_project_key"},
		"unknown":                       {request("", "x-project-key", "pk_unknown"), 401, "invalid_project_key"},
		"unknown, as bearer":            {request("", "Authorization", "Bearer pk_unknown"), 401, "invalid_project_key"},
		"no project key":                {request("", "x-project-key", "sk-proj-x"), 401, "invalid_project_key"},
		"a secret key":                  {request("", "x-project-key", "sk_abc_def"), 401, "invalid_project_key"},
		"strange characters":            {request("", "x-project-key", "pk_'; DROP TABLE projects"), 401, "invalid_project_key"},
		"very long":                     {request("", "x-project-key", "pk_"+strings.Repeat("a", 1<<16)), 401, "invalid_project_key"},
		"twice, different":              {request("", "x-project-key", pk, "x-project-key", other), 401, "invalid_project_key"},
		"twice, one empty":              {request("", "x-project-key", pk, "x-project-key", ""), 401, "invalid_project_key"},
		"header and bearer differ":      {request("", "x-project-key", pk, "Authorization", "Bearer "+other), 401, "invalid_project_key"},
		"header and query differ":       {request("?key="+other, "x-project-key", pk), 401, "invalid_project_key"},
		"two places differ":             {request("", "x-api-key", pk, "x-goog-api-key", other), 401, "invalid_project_key"},
		"two different in one place":    {request("", "x-api-key", pk, "x-api-key", other), 400, "invalid_request"},
		"two different in the query":    {request("?key=" + pk + "&key=" + other), 400, "invalid_request"},
		"provider's and project's in 1": {request("", "Authorization", "Bearer "+pk, "Authorization", "Bearer sk-x"), 400, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.r.Header.Set("x-identity", "user")
			_, err := Authenticate(t.Context(), known, tc.r)
			refusal(t, err, tc.status, tc.code)
		})
	}
}

func TestProjectsThatCannotBeLookedUp(t *testing.T) {
	t.Parallel()
	r := request("", "x-project-key", pk, "x-identity", "user")
	_, err := Authenticate(t.Context(), failing{errors.New("database at 10.0.0.5 is away")}, r)
	refusal(t, err, 503, "unavailable")
	if strings.Contains(err.Error(), "10.0.0.5") {
		t.Errorf("the cause is shown: %v", err)
	}
	_, err = Authenticate(t.Context(), failing{nil}, r)
	refusal(t, err, 401, "invalid_project_key")
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	projects := catalog{pk: snapshot(t, `{}`)}
	for name, tc := range map[string]struct {
		values []string
		want   string
		code   string // "" for none
	}{
		"plain":                  {[]string{"user-123"}, "user-123", ""},
		"trimmed":                {[]string{" \tuser 1\t "}, "user 1", ""},
		"letter case stays":      {[]string{"User"}, "User", ""},
		"beyond ASCII":           {[]string{"jürgen-日本-😀"}, "jürgen-日本-😀", ""},
		"512 bytes":              {[]string{strings.Repeat("a", 512)}, strings.Repeat("a", 512), ""},
		"twice, the same":        {[]string{"a", " a"}, "a", ""},
		"none":                   {nil, "", "missing_identity"},
		"empty":                  {[]string{""}, "", "missing_identity"},
		"blank":                  {[]string{" \t "}, "", "missing_identity"},
		"513 bytes":              {[]string{strings.Repeat("a", 513)}, "", "invalid_identity"},
		"512 characters, more":   {[]string{strings.Repeat("é", 257)}, "", "invalid_identity"},
		"twice, different":       {[]string{"a", "b"}, "", "invalid_identity"},
		"twice, one empty":       {[]string{"a", ""}, "", "invalid_identity"},
		"NUL":                    {[]string{"a\x00b"}, "", "invalid_identity"},
		"line break":             {[]string{"a\nb"}, "", "invalid_identity"},
		"tab within":             {[]string{"a\tb"}, "", "invalid_identity"},
		"DEL":                    {[]string{"a\x7f"}, "", "invalid_identity"},
		"C1 control":             {[]string{"a\u0085b"}, "", "invalid_identity"},
		"Latin-1":                {[]string{"j\xfcrgen"}, "", "invalid_identity"},
		"surrogate":              {[]string{"a\xed\xa0\x80"}, "", "invalid_identity"},
		"overlong":               {[]string{"a\xc0\xafb"}, "", "invalid_identity"},
		"zero-width space":       {[]string{"a\u200bb"}, "", "invalid_identity"},
		"right-to-left override": {[]string{"a\u202eb"}, "", "invalid_identity"},
		"no-break space within":  {[]string{"a\u00a0b"}, "", "invalid_identity"},
		"byte order mark":        {[]string{"\ufeffa"}, "", "invalid_identity"},
		"family":                 {[]string{" 👩\u200d👩\u200d👧 "}, "👩\u200d👩\u200d👧", ""},
		"heart on fire":          {[]string{"❤️\u200d🔥"}, "❤️\u200d🔥", ""},
		"information":            {[]string{"ℹ️"}, "ℹ️", ""},
		"keycap":                 {[]string{"1️⃣"}, "1️⃣", ""},
		"Persian":                {[]string{"می\u200cخواهم"}, "می\u200cخواهم", ""},
		"Hindi":                  {[]string{"क्\u200dष"}, "क्\u200dष", ""},
		"joiner first":           {[]string{"\u200da"}, "", "invalid_identity"},
		"joiner last":            {[]string{"a\u200c"}, "", "invalid_identity"},
		"joiner after a space":   {[]string{"a \u200db"}, "", "invalid_identity"},
		"joiner before a hyphen": {[]string{"a\u200d-b"}, "", "invalid_identity"},
		"joiner after a plus":    {[]string{"ann+\u200dtag"}, "", "invalid_identity"},
		"joiner of symbols":      {[]string{"a=\u200d=b"}, "", "invalid_identity"},
		"joiner of two kinds":    {[]string{"a\u200d😀"}, "", "invalid_identity"},
		"profession":             {[]string{"👩🏽\u200d⚕️🏴\u200d☠️"}, "👩🏽\u200d⚕️🏴\u200d☠️", ""},
		"word and number":        {[]string{"۲\u200cها"}, "۲\u200cها", ""},
		"two joiners":            {[]string{"a\u200d\u200cb"}, "", "invalid_identity"},
		"joiner and BOM":         {[]string{"a\u200d\ufeff"}, "", "invalid_identity"},
		"a joiner alone":         {[]string{"\u200d"}, "", "invalid_identity"},
		"selector on a letter":   {[]string{"a\ufe0f"}, "", "invalid_identity"},
		"selector on a digit":    {[]string{"user-1\ufe0f"}, "", "invalid_identity"},
		"selector on a hyphen":   {[]string{"user-\ufe0f1"}, "", "invalid_identity"},
		"selector on a dollar":   {[]string{"a$\ufe0f"}, "", "invalid_identity"},
		"selector on a dash":     {[]string{"a\u2014\ufe0fb"}, "", "invalid_identity"},
		"selector on an @":       {[]string{"ann@\ufe0fexample.com"}, "", "invalid_identity"},
		"selector after another": {[]string{"❤\ufe0f\ufe0f"}, "", "invalid_identity"},
		"marks that are emoji":   {[]string{"‼️⁉️〰️〽️©️"}, "‼️⁉️〰️〽️©️", ""},
		"another selector":       {[]string{"葛\U000e0100"}, "", "invalid_identity"},
		"Hangul filler":          {[]string{"a\u3164"}, "", "invalid_identity"},
		"grapheme joiner":        {[]string{"a\u034fb"}, "", "invalid_identity"},
		"soft hyphen":            {[]string{"a\u00adb"}, "", "invalid_identity"},
		"word joiner":            {[]string{"a\u2060b"}, "", "invalid_identity"},
		"braille without dots":   {[]string{"a\u2800b"}, "", "invalid_identity"},
		"invisible times":        {[]string{"a\u2062b"}, "", "invalid_identity"},
		"tag":                    {[]string{"a\U000e0061"}, "", "invalid_identity"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request("", "x-project-key", pk)
			if tc.values != nil {
				r.Header["X-Identity"] = tc.values
			}
			got, err := Authenticate(t.Context(), projects, r)
			if tc.code != "" {
				refusal(t, err, 400, tc.code)
				return
			}
			if err != nil || got.Identity != tc.want {
				t.Errorf("Authenticate = %q, %v; want %q", got.Identity, err, tc.want)
			}
		})
	}
}

// A request that names nobody must not count, or change, for somebody.
func TestFieldFailure_AMissingIdentityUpdatesAnArbitraryUser(t *testing.T) {
	t.Parallel()
	projects := catalog{pk: snapshot(t, `{}`)}
	for _, r := range []*http.Request{request("?identity=a", "x-project-key", pk), request("", "x-project-key", pk, "x-user-id", "a", "x-identity", "")} {
		got, err := Authenticate(t.Context(), projects, r)
		refusal(t, err, 400, "missing_identity")
		if got.Project = nil; got != (Caller{}) {
			t.Errorf("caller %+v", got)
		}
	}
}

// Keys are looked up as they are: a request costs no hash, slow or fast. (AllocsPerRun does not run beside others.)
func TestFieldFailure_SlowHashesOverRandomKeysLetAnyoneBurnACPU(t *testing.T) {
	projects := catalog{pk: snapshot(t, `{}`)}
	r := request("", "x-project-key", "pk_wrong", "x-identity", "user")
	if n := testing.AllocsPerRun(100, func() {
		if _, err := Authenticate(t.Context(), projects, r); err == nil {
			t.Error("a wrong key is accepted")
		}
	}); n > 4 {
		t.Errorf("refusing a wrong key takes %v allocations", n)
	}
}

func TestClaimedTiers(t *testing.T) {
	t.Parallel()
	projects := catalog{pk: snapshot(t, `{}`)}
	for name, tc := range map[string]struct {
		values []string
		want   string
		ok     bool
	}{
		"none":             {nil, "", true},
		"empty":            {[]string{""}, "", true},
		"plain":            {[]string{" pro "}, "pro", true},
		"unknown":          {[]string{"nobody has it"}, "nobody has it", true}, // Tier judges it
		"64 bytes":         {[]string{strings.Repeat("t", 64)}, strings.Repeat("t", 64), true},
		"65 bytes":         {[]string{strings.Repeat("t", 65)}, "", false},
		"control":          {[]string{"p\x01ro"}, "", false},
		"not UTF-8":        {[]string{"p\xffro"}, "", false},
		"twice, different": {[]string{"free", "pro"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request("", "x-project-key", pk, "x-identity", "user")
			r.Header["X-Tier"] = tc.values
			got, err := Authenticate(t.Context(), projects, r)
			if !tc.ok {
				if err != nil {
					t.Fatalf("Authenticate: %v; want a refusal for later", err)
				}
				refusal(t, got.BadTier, 400, "invalid_request")
				return
			}
			if err != nil || got.BadTier != nil || got.Tier != tc.want {
				t.Errorf("Authenticate = %q, %v; want %q", got.Tier, err, tc.want)
			}
		})
	}
}

func TestOriginsAreHeldToTheProjectsList(t *testing.T) {
	t.Parallel()
	closed := catalog{pk: snapshot(t, `{"allowedOrigins": ["https://app.example.com"]}`)}
	open := catalog{pk: snapshot(t, `{}`)}
	for name, tc := range map[string]struct {
		projects catalog
		origins  []string
		ok       bool
	}{
		"no list":                  {open, []string{"https://any.example"}, true},
		"listed":                   {closed, []string{"https://app.example.com"}, true},
		"not listed":               {closed, []string{"https://evil.example"}, false},
		"opaque":                   {closed, []string{"null"}, false},
		"empty":                    {closed, []string{""}, false},
		"no browser":               {closed, nil, true},
		"listed beside not listed": {closed, []string{"https://app.example.com", "https://evil.example"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request("", "x-project-key", pk, "x-identity", "user")
			if tc.origins != nil {
				r.Header["Origin"] = tc.origins
			}
			_, err := Authenticate(t.Context(), tc.projects, r)
			if tc.ok && err != nil {
				t.Errorf("Authenticate: %v", err)
			}
			if !tc.ok {
				refusal(t, err, 403, "origin_not_allowed")
			}
		})
	}
}

// The project is found before anything is said about the rest of the request.
func TestTheOrderOfChecks(t *testing.T) {
	t.Parallel()
	projects := catalog{pk: snapshot(t, `{"allowedOrigins": ["https://app.example.com"]}`)}
	_, err := Authenticate(t.Context(), projects, request("", "x-project-key", "pk_unknown", "Origin", "https://evil.example"))
	refusal(t, err, 401, "invalid_project_key")
	_, err = Authenticate(t.Context(), projects, request("", "x-project-key", pk, "Origin", "https://evil.example"))
	refusal(t, err, 403, "origin_not_allowed")
	_, err = Authenticate(t.Context(), projects, request("", "x-project-key", pk, "x-tier", "\x01"))
	refusal(t, err, 400, "missing_identity")
}

func TestTiers(t *testing.T) {
	t.Parallel()
	const tiers = `"tiers": {"free": {}, "pro": {}, "max": {}}`
	plain := snapshot(t, `{`+tiers+`}`)
	byDefault := snapshot(t, `{`+tiers+`, "defaultTier": "free"}`)
	byProject := snapshot(t, `{`+tiers+`, "defaultTier": "free", "unknownTier": "project"}`)
	strict := snapshot(t, `{`+tiers+`, "defaultTier": "free", "unknownTier": "reject"}`)
	for name, tc := range map[string]struct {
		p            *project.Snapshot
		set, claimed string
		want         string
		refused      bool
	}{
		"none":                             {plain, "", "", "", false},
		"claimed":                          {plain, "", "pro", "pro", false},
		"set on the server beats claimed":  {plain, "free", "pro", "free", false},
		"default":                          {byDefault, "", "", "free", false},
		"claimed beats default":            {byDefault, "", "max", "max", false},
		"unknown":                          {plain, "", "gold", "", false},
		"unknown is the default":           {byDefault, "", "gold", "free", false},
		"unknown is the project":           {byProject, "", "gold", "", false},
		"none is the default all the same": {byProject, "", "", "free", false},
		"another letter case":              {byDefault, "", "Pro", "free", false},
		"unknown, rejected":                {strict, "", "gold", "", true},
		"none, where unknown is rejected":  {strict, "", "", "free", false},
		"set, but gone":                    {plain, "gone", "pro", "", false},
		"set, but gone: the default":       {byDefault, "gone", "pro", "free", false},
		"set, but gone: the project":       {byProject, "gone", "pro", "", false},
		"set, but gone, rejected":          {strict, "gone", "pro", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var set *ledger.Settings
			if tc.set != "" {
				set = &ledger.Settings{Tier: tc.set}
			}
			got, err := Tier(tc.p, set, tc.claimed)
			if tc.refused {
				refusal(t, err, 400, "unknown_tier")
				return
			}
			name := ""
			if got != nil {
				name = got.Name
			}
			if err != nil || name != tc.want {
				t.Errorf("Tier = %q, %v; want %q", name, err, tc.want)
			}
		})
	}
}

// No claim and no earlier setting leads around the default tier, except into another tier of the project.
func TestEveryNameLeadsToATier(t *testing.T) {
	t.Parallel()
	p := snapshot(t, `{"tiers": {"free": {}, "pro": {}}, "defaultTier": "free"}`)
	name := rapid.OneOf(rapid.SampledFrom([]string{"", "free", "pro", "Pro", "pro ", "default", "null", "\x00"}), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		set, claimed := name.Draw(t, "set"), name.Draw(t, "claimed")
		want := "free"
		if set == "pro" || set == "" && claimed == "pro" {
			want = "pro"
		}
		tier, err := Tier(p, &ledger.Settings{Tier: set}, claimed)
		if err != nil || tier == nil || tier.Name != want {
			t.Fatalf("set %q, claimed %q: tier %v, %v; want %s", set, claimed, tier, err, want)
		}
	})
}

// Where the project does not trust x-tier, whatever it says is as if it were not there.
func TestXTierIsIgnoredWhereItIsNotTrusted(t *testing.T) {
	t.Parallel()
	projects := catalog{pk: snapshot(t, `{"trustTierHeader": false, "unknownTier": "reject", "tiers": {"free": {}, "pro": {}}, "defaultTier": "free"}`)}
	for _, claimed := range [][]string{nil, {"pro"}, {"gold"}, {"pro", "free"}, {"\x01"}, {strings.Repeat("x", 100)}} {
		r := request("", "x-project-key", pk, "x-identity", "alice")
		r.Header["X-Tier"] = claimed
		caller, err := Authenticate(t.Context(), projects, r)
		if err != nil || caller.Tier != "" || caller.BadTier != nil {
			t.Errorf("x-tier %q: claims %q, %v, %v; want nothing", claimed, caller.Tier, caller.BadTier, err)
		}
		for set, want := range map[string]string{"": "free", "pro": "pro"} {
			tier, err := Tier(caller.Project, &ledger.Settings{Tier: set}, caller.Tier)
			if err != nil || tier == nil || tier.Name != want {
				t.Errorf("x-tier %q, %q set: tier %v, %v; want %s", claimed, set, tier, err, want)
			}
		}
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	p := snapshot(t, `{"requestLimit": 1, "tiers": {"pro": {"requestLimit": 2}}}`)
	tier, _ := p.Tier("pro")
	set := &ledger.Settings{}
	if got, want := Levels(p, nil, nil), (limit.Levels{Project: p.Level}); got != want {
		t.Errorf("with nothing set: %+v; want %+v", got, want)
	}
	if got, want := Levels(p, set, tier), (limit.Levels{Identity: &set.Level, Tier: tier.Level, Project: p.Level}); got != want {
		t.Errorf("with everything set: %+v; want %+v", got, want)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	projects := catalog{pk: snapshot(b, `{"allowedOrigins": ["https://app.example.com"]}`)}
	for name, r := range map[string]*http.Request{
		"header": request("", "x-project-key", pk, "x-identity", "user-123", "x-tier", "pro", "Origin", "https://app.example.com", "Authorization", "Bearer sk-x"),
		"bearer": request("", "Authorization", "Bearer "+pk, "x-identity", "user-123"),
		"query":  request("?alt=sse&key="+pk, "x-identity", "user-123"),
	} {
		b.Run(name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Authenticate(ctx, projects, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Later versions give such names to identities that they have verified.
func TestReservedNamesAreRefused(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string]bool{"device:1": true, "apple:": true, "claims:x y": true, "device": false, "Device:1": false, "my-device:1": false} {
		if got := Problem(name) != ""; got != refused {
			t.Errorf("%q is refused: %t, want %t", name, got, refused)
		}
	}
}

// Every accepted identity can be seen: without its joiners and selectors something is left, and none of
// those is at its end or beside a space.
func FuzzPrintable(f *testing.F) {
	for _, seed := range []string{"user", "👩\u200d👩\u200d👧", "می\u200cخواهم", "a\u200d", "\ufe0f", "\xff", "a\u200b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if Problem(s) != "" {
			return
		}
		if !utf8.ValidString(s) || s == "" || len(s) > MaxIdentity {
			t.Fatalf("%q is taken", s)
		}
		for _, joined := range []string{"\u200c", "\u200d"} {
			if strings.HasPrefix(s, joined) || strings.HasSuffix(s, joined) || strings.Contains(s, joined+" ") || strings.Contains(s, " "+joined) || strings.Contains(s, joined+joined) {
				t.Errorf("%q is taken", s)
			}
		}
		for _, r := range s {
			if r != '\u200c' && r != '\u200d' && !unicode.IsPrint(r) {
				t.Errorf("%q is taken with %U", s, r)
			}
		}
	})
}
