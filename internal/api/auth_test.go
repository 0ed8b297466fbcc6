package api

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/secret"
)

func TestOnlyTheProjectsOwnSecretKeyOpensIt(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	other, otherKey := f.create(`{}`)
	if err := f.catalog.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	strange, _, _ := secret.NewSecretKey()
	tampered := f.key[:len(f.key)-1] + string('a'+('z'-f.key[len(f.key)-1])%2)
	if tampered == f.key {
		tampered = f.key[:len(f.key)-1] + "Q"
	}
	var first []byte
	for name, headers := range map[string][]string{
		"none": nil, "empty": {""}, "no scheme": {f.key}, "another scheme": {"Basic " + f.key}, "project key": {"Bearer " + f.project},
		"unknown": {"Bearer " + strange}, "wrong": {"Bearer " + tampered}, "cut": {"Bearer " + f.key[:20]}, "malformed": {"Bearer sk_ü"},
		"two": {"Bearer " + f.key, "Bearer " + otherKey}, "space inside": {"Bearer sk_ " + f.key[3:]},
	} {
		for _, path := range []string{"/api/projects/" + f.project + "/identities", "/api/projects/pk_nobody/identities/u/gift"} {
			method := map[bool]string{true: "POST", false: "GET"}[strings.HasSuffix(path, "gift")]
			r := httptest.NewRequest(method, path, strings.NewReader("not read"))
			r.Header["Authorization"] = headers
			got := do(t, f.handler, r)
			got.problem(http.StatusUnauthorized)
			if got.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: no WWW-Authenticate", name)
			}
			if first == nil {
				first = got.body
			}
			if !bytes.Equal(first, got.body) {
				t.Errorf("%s: %s, want the same as for the others: %s", name, got.body, first)
			}
		}
	}
	forbidden := f.send("GET", "/api/projects/"+other+"/identities", "")
	forbidden.problem(http.StatusForbidden)
	missing := f.send("GET", "/api/projects/pk_nobody/identities", "")
	missing.problem(http.StatusForbidden)
	if !bytes.Equal(forbidden.body, missing.body) {
		t.Errorf("another project: %s; none: %s; want no difference", forbidden.body, missing.body)
	}
	f.send("GET", "", "", "Authorization", "bearer  "+f.key).want(200)
	if log := f.log.String(); strings.Contains(log, f.key[3:]) || strings.Contains(log, tampered) {
		t.Errorf("a key is in the log:\n%s", log)
	}
}

func TestARegeneratedKeyReplacesTheOldOneAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("GET", "", "").want(200)
	fresh, err := f.store.RegenerateSecret(t.Context(), f.project)
	if err != nil {
		t.Fatal(err)
	}
	f.send("GET", "", "").problem(401)
	f.key = fresh
	f.send("GET", "", "").want(200)
	if err := f.store.DeleteProject(t.Context(), f.project); err != nil {
		t.Fatal(err)
	}
	f.send("GET", "", "").problem(401)
}
