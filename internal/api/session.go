package api

import (
	"log/slog"
	"net/http"
	"slices"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/secret"
)

// The cookie of a session. A browser takes a name with __Host- only over HTTPS, and then no other host and no page that
// was sent in the clear can set it.
const (
	securedCookie = "__Host-airatelimit"
	plainCookie   = "airatelimit"
)

func (c *control) cookieName() string {
	if c.HTTPS {
		return securedCookie
	}
	return plainCookie
}

// browserSuffix ends the name of the cookie that tells whether a link was asked for in this browser.
const browserSuffix = "-browser"

// browserOf returns the value of that cookie, or "".
func (c *control) browserOf(r *http.Request) string {
	cookie, err := r.Cookie(c.cookieName() + browserSuffix)
	if err != nil || !secret.IsToken(cookie.Value) {
		return ""
	}
	return cookie.Value
}

// cookieOf returns the value of the session's cookie, or "".
func (c *control) cookieOf(r *http.Request) string {
	cookie, err := r.Cookie(c.cookieName())
	if err != nil {
		return ""
	}
	return cookie.Value
}

// cookie makes a cookie that only this server reads. A browser sends it from pages of other origins only if the server
// has such origins (CORS_ORIGIN).
func (c *control) cookie(name, value string, seconds int) *http.Cookie {
	cookie := &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, Secure: c.HTTPS, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if len(c.Origins) > 0 {
		cookie.Secure, cookie.SameSite = true, http.SameSiteNoneMode
	}
	return cookie
}

// touch keeps the session of a caller alive: it notes the use, and sends the cookie again, about once an hour. A note that
// fails must not fail the call.
func (c *control) touch(w http.ResponseWriter, r *http.Request, who caller) {
	now := c.now()
	if who.kind != callerSession || now.Sub(who.session.SeenAt) < account.TouchAfter {
		return
	}
	if err := c.Accounts.TouchSession(r.Context(), who.session.ID, c.clientOf(r).String(), now); err != nil {
		c.logFailure(r.Context(), slog.LevelWarn, "session not prolonged", err)
		return
	}
	http.SetCookie(w, c.cookie(c.cookieName(), c.cookieOf(r), int(account.SessionTime.Seconds())))
}

// The headers of requests and answers that pages of CORS_ORIGIN may use.
const (
	corsRequest = "Content-Type, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID"
	corsAnswer  = "X-Request-Id, ETag, Retry-After, Location"
)

// allowOrigin lets a page of one of the further origins read the answer. It reports whether the request was the
// browser's question whether it may send another one, which is then answered.
func (c *control) allowOrigin(w http.ResponseWriter, r *http.Request) (answered bool) {
	if len(c.Origins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if !slices.Contains(c.Origins, origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", corsAnswer)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", corsRequest)
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
