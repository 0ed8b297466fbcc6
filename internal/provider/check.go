package provider

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/tidwall/gjson"

	"github.com/airatelimit/airatelimit/internal/project"
)

// CheckTime bounds a check of a key.
const CheckTime = 10 * time.Second

// maxModelList bounds how many bytes of a list of models are read. OpenRouter's has one megabyte.
const maxModelList = 8 << 20

// Reason is why a check of a key has failed, for programs.
type Reason string

// The reasons. The provider refuses the key by the first four; with the others the key could not be tested.
const (
	BadKey         Reason = "bad_key"
	NoCredit       Reason = "no_credit"
	Forbidden      Reason = "forbidden"
	WrongVendor    Reason = "wrong_vendor"
	Unreachable    Reason = "unreachable"
	TimedOut       Reason = "timeout"
	PrivateAddress Reason = "private_address"
)

// Refused reports whether the provider has answered, and refused.
func (r Reason) Refused() bool {
	return r == BadKey || r == NoCredit || r == Forbidden || r == WrongVendor
}

// Finding is the result of a check. Nothing of the provider's answer is in it but the number of models.
type Finding struct {
	Reason  Reason // "" if the provider takes the key
	Message string // what was found
	Next    string // what to do about it; "" if there is nothing to do
	Models  int    // how many models the key opens; 0 if that is not known
}

// Check asks a provider for its list of models with the provider's key: the cheapest call there is, and free. transport
// checks addresses when it connects.
func Check(ctx context.Context, transport http.RoundTripper, p *project.Provider) Finding {
	if p.Key != "" && p.Vendor != "" && !project.KeyFits(p.Key, p.Vendor) {
		return found(p, WrongVendor, "The key has the shape of another vendor's key, so it was not sent to "+p.Name+".")
	}
	ctx, cancel := context.WithTimeout(ctx, CheckTime)
	defer cancel()
	req, err := listRequest(ctx, p)
	if err != nil {
		return found(p, WrongVendor, "The base URL cannot be called.")
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return unchecked(ctx, p, err)
	}
	defer resp.Body.Close() //nolint:errcheck // a failed close changes nothing
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxModelList))
	if err != nil {
		return unchecked(ctx, p, err)
	}
	return judge(p, resp.StatusCode, body)
}

// listRequest asks for the list of models as the vendor's own SDK does.
func listRequest(ctx context.Context, p *project.Provider) (*http.Request, error) {
	list := p.Dialect.Spec().List
	url, err := p.URL(list.Path)
	if err != nil {
		return nil, err
	}
	url.RawQuery = list.Query
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "airatelimit")
	for name, value := range list.Header {
		req.Header.Set(name, value)
	}
	if p.Key != "" {
		setKey(req.Header, project.NativePlace(p.Dialect), p.Key)
	}
	return req, nil
}

// unchecked is the finding where the provider has not answered.
func unchecked(ctx context.Context, p *project.Provider, err error) Finding {
	var slow net.Error
	switch {
	case errors.Is(err, ErrForbiddenAddress):
		return found(p, PrivateAddress, "The base URL leads to a private network, which this server may not call.")
	case ctx.Err() != nil, errors.As(err, &slow) && slow.Timeout():
		return found(p, TimedOut, fmt.Sprintf("%s did not answer within %d seconds.", p.Name, int(CheckTime.Seconds())))
	}
	return found(p, Unreachable, "There is no connection to "+p.Name+".")
}

// scopes are phrases of errors about a key that is known and restricted.
var scopes = []string{"missing scopes", "insufficient permissions"}

// judge reads the answer to the request for the list of models.
func judge(p *project.Provider, status int, body []byte) Finding {
	low := bytes.ToLower(body)
	paid := status == http.StatusPaymentRequired || first(low, money) != ""
	models := gjson.GetBytes(body, p.Dialect.Spec().List.Member)
	switch {
	case status == http.StatusOK && gjson.ValidBytes(body) && models.IsArray():
		return Finding{Message: taken(p), Models: int(models.Get("#").Int())}
	case status >= 400 && status < 500 && paid:
		return found(p, NoCredit, p.Name+" knows the key, and its account has no credit left.")
	case status == http.StatusTooManyRequests:
		return Finding{Message: p.Name + " takes this key, and no more requests of its account at the moment."}
	case status == http.StatusForbidden, status == http.StatusUnauthorized && first(low, scopes) != "":
		return found(p, Forbidden, p.Name+" does not let this key list models: it is restricted, or its account is.")
	case keyRefused(status, low) != "":
		return found(p, BadKey, p.Name+" does not know this key.")
	case status == http.StatusRequestTimeout:
		return found(p, TimedOut, p.Name+" did not answer in time.")
	case status >= 500:
		return found(p, Unreachable, fmt.Sprintf("%s answers with an error of its own (%d).", p.Name, status))
	}
	return found(p, WrongVendor, fmt.Sprintf("The server at the base URL answers with %d, and not as an API of the dialect %s.", status, p.Dialect))
}

// taken says that the provider has answered.
func taken(p *project.Provider) string {
	if p.Key == "" {
		return p.Name + " answers without a key."
	}
	return p.Name + " takes this key."
}

// found is a failed check, with what to do about it.
func found(p *project.Provider, why Reason, message string) Finding {
	vendor, _ := project.VendorOf(p.Vendor)
	const console = "the provider's console"
	keys, billing := cmp.Or(vendor.KeysPage, console), cmp.Or(vendor.BillingPage, console)
	next := map[Reason]string{
		BadKey:         "Copy the key again, or make a new one at " + keys + ".",
		NoCredit:       "Add credit at " + billing + ", or save the key as it is with force=true.",
		Forbidden:      "Let the key use the models, at " + keys + ", or save it as it is with force=true.",
		WrongVendor:    "Check that the key, the base URL and the dialect belong to the same provider. If its API has no list of models, save it with force=true.",
		Unreachable:    "Check the base URL, and whether this server reaches the internet. The key can be saved untested.",
		TimedOut:       "Try again. The key can be saved untested.",
		PrivateAddress: "Set ALLOW_PRIVATE_UPSTREAMS=true on the server if the provider is on your own network.",
	}
	return Finding{Reason: why, Message: message, Next: next[why]}
}
