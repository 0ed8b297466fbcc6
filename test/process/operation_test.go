package process

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/node"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
)

// control calls the control plane of a node with the project's secret key.
func control(c *http.Client, p *node.Process, k node.Keys, method, path, body string) answer {
	return do(c, request(context.Background(), method, p.URL+"/api/projects/"+k.Project+path, "", "", body, "Authorization", "Bearer "+k.Secret))
}

// One of two nodes is killed in the middle of an operation. The other one ends it, and each identity is changed once.
func TestAnotherNodeEndsAnOperation(t *testing.T) {
	t.Parallel()
	pgtest.Once(t)
	in := newInstallation(t)
	in.database = stack.Database(t)
	in.Env = stack.Environment(in.database)
	url, _ := echoing(t)
	k, c := in.Create(node.OpenAI(url, "")), newClient(t)
	killed := in.Serve()

	// Somebody holds the row of an identity in the second batch, so that its change waits.
	const identities = 1201
	names := make([]string, identities)
	for i := range names {
		names[i] = fmt.Sprintf("user-%04d", i)
	}
	if a := control(c, killed, k, http.MethodPost, "/identities", `{"identity": "user-0700"}`); a.status != http.StatusCreated {
		t.Fatalf("create an identity: %d %s", a.status, a.body)
	}
	conn, err := pgx.Connect(t.Context(), in.database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // nothing is lost with it
	if _, err := conn.Exec(t.Context(), `BEGIN; SELECT FROM identities WHERE identity = 'user-0700' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}

	list, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	var begun struct{ OperationID string }
	a := control(c, killed, k, http.MethodPost, "/operations", `{"action": "gift", "items": `+string(list)+`, "params": {"tokens": 5}}`)
	if err := json.Unmarshal([]byte(a.body), &begun); err != nil || a.status != http.StatusAccepted {
		t.Fatalf("begin an operation: %d %s", a.status, a.body)
	}
	waits := func() (n int) {
		if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	await.Soon(t, "the second batch waits", func() bool { return waits() > 0 })
	other := in.Serve()
	killed.Kill()
	await.Soon(t, "nobody waits", func() bool { return waits() == 0 })
	// The time is over for which the killed node has the batch.
	if _, err := conn.Exec(t.Context(), `COMMIT; UPDATE operations SET leased_until = 0`); err != nil {
		t.Fatal(err)
	}

	await.Soon(t, "the end of the operation", func() bool {
		a = control(c, other, k, http.MethodGet, "/operations/"+begun.OperationID, "")
		return !strings.Contains(a.body, `"state":"running"`)
	})
	if want := fmt.Sprintf(`"state":"done","matched":%[1]d,"applied":%[1]d,"failed":0`, identities); !strings.Contains(a.body, want) {
		t.Errorf("the operation is %s, want %s", a.body, want)
	}
	var once, entries int
	err = conn.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM identities WHERE credit_tokens = 5), (SELECT count(*) FROM audit WHERE action = 'giftIdentity')`).Scan(&once, &entries)
	if err != nil || once != identities || entries != identities {
		t.Errorf("%d identities have the gift once, with %d lines in the audit trail, %v; want %d of each", once, entries, err, identities)
	}
	other.Stop()
}
