package config

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"pgregory.net/rapid"
)

func TestTheServerIsVerifiedUnlessItIsThisMachine(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ url, location, warning string }{
		{"postgresql://u:pw@db.example.com/x", "postgresql://u:pw@db.example.com/x?sslmode=verify-full", ""},
		{"postgres://u:pw@db:5432/x?application_name=a", "postgres://u:pw@db:5432/x?application_name=a&sslmode=verify-full", ""},
		{"postgresql://u:p%40w@a:1,b:2/x?target_session_attrs=read-write", "postgresql://u:p%40w@a:1,b:2/x?target_session_attrs=read-write&sslmode=verify-full", ""},
		{"postgresql://localhost,db/x", "postgresql://localhost,db/x?sslmode=verify-full", ""},
		{"postgresql://localhost/x", "postgresql://localhost/x?sslmode=disable", ""},
		{"postgresql://127.0.0.1:5433/x", "postgresql://127.0.0.1:5433/x?sslmode=disable", ""},
		{"postgresql://[::1]:5433/x", "postgresql://[::1]:5433/x?sslmode=disable", ""},
		{"postgresql://[2001:db8::1]/x", "postgresql://[2001:db8::1]/x?sslmode=verify-full", ""},
		{"postgresql:///x?host=/run/postgresql", "postgresql:///x?host=/run/postgresql&sslmode=disable", ""},
		{"postgresql://%2Frun%2Fpostgresql/x", "postgresql://%2Frun%2Fpostgresql/x?sslmode=disable", ""},
		{"postgresql:///x?host=db", "postgresql:///x?host=db&sslmode=verify-full", ""},
		{"postgresql://db/x?sslmode=verify-full&sslrootcert=/ca.pem", "", ""},
		{"postgresql://db/x?sslmode=verify-ca", "", "but not its name"},
		{"postgresql://db/x?sslmode=require", "", "can pose as the database"},
		{"postgresql://db/x?ssl=true", "postgresql://db/x?ssl=true&sslmode=require", "can pose as the database"},
		{"postgresql://db/x?sslmode=require&sslrootcert=/ca.pem", "", ""},
		{"postgresql://db/x?sslmode=disable", "", "not encrypted"},
		{"postgresql://localhost/x?sslmode=disable", "", ""},
	} {
		d, err := ParseDatabase(tc.url)
		if err != nil {
			t.Errorf("%s: %v", tc.url, err)
			continue
		}
		want := tc.location
		if want == "" {
			want = tc.url
		}
		if d.Location != want {
			t.Errorf("%s: location %s, want %s", tc.url, d.Location, want)
		}
		if tc.warning == "" && d.Warning != "" || !strings.Contains(d.Warning, tc.warning) {
			t.Errorf("%s: warning %q, want %q", tc.url, d.Warning, tc.warning)
		}
		again, err := ParseDatabase(d.Location)
		if err != nil || again.Location != d.Location {
			t.Errorf("%s: a second time %s, %v, want the same", tc.url, again.Location, err)
		}
	}
}

func TestTheNameOfADatabaseHasNoPassword(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgresql://u:hunter2@db:5432/limits?password=hunter2": "PostgreSQL database limits at db:5432",
		"postgresql://u:hunter2@a:1,b:2/limits":                  "PostgreSQL database limits at a:1, b:2",
		"postgresql://u:hu%40nter2@/limits?host=/tmp":            "PostgreSQL database limits at /tmp",
		"sqlite:data/x.db": "data/x.db",
	} {
		d, err := ParseDatabase(url)
		if err != nil || d.Name != want {
			t.Errorf("%s: name %q, %v, want %q", url, d.Name, err, want)
		}
	}
}

func TestThePoolHasTheSizeThatIsSet(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DATABASE_URL": "postgresql://localhost/x", "DATABASE_POOL_SIZE": "7", "JWT_SECRET": key1, "ENCRYPTION_KEY": key2}
	c, err := Load(from(env))
	if err != nil {
		t.Fatal(err)
	}
	if want := "postgresql://localhost/x?sslmode=disable&pool_max_conns=7"; c.Database.Location != want {
		t.Errorf("location %s, want %s", c.Database.Location, want)
	}
}

// A node with one connection would wait for itself: an upgrade holds one and works on another.
func TestAPoolThatIsTooSmallIsRefused(t *testing.T) {
	t.Parallel()
	for size, ok := range map[string]bool{"0": false, "1": false, "3": false, "-5": false, "x": false, "4": true, "100": true} {
		url := "postgresql://u:hunter2@localhost/x?pool_max_conns=" + size
		_, err := Load(from(map[string]string{"DATABASE_URL": url, "JWT_SECRET": key1, "ENCRYPTION_KEY": key2}))
		if ok != (err == nil) {
			t.Errorf("pool_max_conns=%s: %v", size, err)
		}
		if err != nil && (!strings.HasPrefix(err.Error(), "DATABASE_URL has a pool_max_conns that is not a number from 4") || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("pool_max_conns=%s: %v, want a sentence that names the least and no password", size, err)
		}
	}
}

// No piece of an unescaped password is shown, resolved or dialled: the client gets the host that was
// meant, or the value is refused.
func TestNoPieceOfAPasswordIsTakenForAHost(t *testing.T) {
	t.Parallel()
	const host, name = "db.example.com", "limits"
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringOf(rapid.SampledFrom([]rune(`b9@/?#:,%&=[]\ +.-_~!$'()*;é`))).Draw(t, "password")
		at := rapid.IntRange(0, len([]rune(password))).Draw(t, "at")
		password = string([]rune(password)[:at]) + "hunter2" + string([]rune(password)[at:])
		query := rapid.SampledFrom([]string{"", "?sslmode=require", "?application_name=a&sslmode=disable"}).Draw(t, "query")
		url := "postgresql://user:" + password + "@" + host + "/" + name + query
		d, err := ParseDatabase(url)
		if err != nil {
			if strings.Contains(err.Error(), "hunter2") {
				t.Fatalf("%s: the error quotes the password: %v", url, err)
			}
			return
		}
		if want := "PostgreSQL database " + name + " at " + host; d.Name != want {
			t.Fatalf("%s: shown as %q, want %q", url, d.Name, want)
		}
		c, err := pgconn.ParseConfig(d.Location)
		if err != nil {
			return // the store explains it without the value
		}
		hosts := []string{c.Host}
		for _, f := range c.Fallbacks {
			hosts = append(hosts, f.Host)
		}
		for _, h := range hosts {
			if h != host {
				t.Fatalf("%s: would dial %q", url, h)
			}
		}
		if c.Database != name || c.User != "user" {
			t.Fatalf("%s: database %q, user %q", url, c.Database, c.User)
		}
	})
}
