// Package web serves the dashboard: the pages that `make web` builds from the sources in this folder into dist.
//
// Invariants: no page loads anything from another host. A page runs only scripts and styles that carry the nonce of its own
// answer. The name of an asset changes with its content, so browsers keep assets for ever and pages never.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// The pattern also matches dist-missing.html, so the package compiles without a build.
//
//go:embed dist*
var built embed.FS

const (
	page        = "dist/index.html"
	placeholder = "dist-missing.html"

	// nonceMark stands in the page for the nonce; vite.config.ts puts it there.
	nonceMark = "CSP_NONCE"
)

// Handler serves the dashboard.
type Handler struct {
	files fs.FS
	page  []byte // with nonceMark
}

// New returns the handler of the dashboard that is in the binary. Without a build it is a page that says what to run.
func New() *Handler { return newHandler(built) }

func newHandler(files fs.FS) *Handler {
	text, err := fs.ReadFile(files, page)
	if err != nil {
		text, err = fs.ReadFile(files, placeholder)
	}
	if err != nil {
		panic("web: " + err.Error())
	}
	return &Handler{files, text}
}

// pages are the paths of pages that have nothing below them. The page decides by itself what it shows.
var pages = map[string]bool{"/": true, "/login": true, "/invite": true, "/projects": true, "/account": true}

// Serves reports whether a path, as it was sent, belongs to the dashboard. Any other path most likely comes from an SDK
// with a wrong base URL.
func (h *Handler) Serves(sent string) bool {
	return pages[sent] || path.Clean(sent) == sent && (strings.HasPrefix(sent, "/p/") || fileOf(sent) != "")
}

// lasting are the files whose names stay when their content changes.
var lasting = map[string]bool{"/favicon.svg": true, "/licenses.md": true}

// fileOf returns the file that a path stands for, or "" for the path of a page.
func fileOf(sent string) string {
	if strings.HasPrefix(sent, "/assets/") || lasting[sent] {
		return "dist" + sent
	}
	return ""
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	if name := fileOf(r.URL.EscapedPath()); name != "" {
		h.serveFile(w, r, name)
		return
	}
	h.servePage(w)
}

// protect sets the headers of every answer. A page adds its own policy.
func protect(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
}

// servePage answers with the page and a new nonce.
func (h *Handler) servePage(w http.ResponseWriter) {
	var random [18]byte
	_, _ = rand.Read(random[:]) // never fails
	nonce := base64.StdEncoding.EncodeToString(random[:])
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", policy(nonce))
	_, _ = w.Write(bytes.ReplaceAll(h.page, []byte(nonceMark), []byte(nonce)))
}

// policy is the Content-Security-Policy of a page.
func policy(nonce string) string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'nonce-" + nonce + "' 'strict-dynamic'",
		"style-src 'self' 'nonce-" + nonce + "'",
		"img-src 'self' data:",
		"connect-src 'self'",
		"form-action 'self'",
		"base-uri 'none'",
		"frame-ancestors 'none'",
	}, "; ")
}

// serveFile answers with a file. The build keeps most files only in their compressed forms.
func (h *Handler) serveFile(w http.ResponseWriter, r *http.Request, name string) {
	head := w.Header()
	head.Set("Vary", "Accept-Encoding")
	for _, form := range forms {
		text, err := fs.ReadFile(h.files, name+form.suffix)
		if err != nil || form.coding != "" && !accepts(r, form.coding) {
			continue
		}
		head.Set("Content-Type", contentType(name))
		head.Set("Cache-Control", "public, max-age=31536000, immutable")
		if lasting[strings.TrimPrefix(name, "dist")] {
			head.Set("Cache-Control", "public, max-age=3600")
		}
		if form.coding != "" {
			head.Set("Content-Encoding", form.coding)
		} else if form.suffix != "" {
			text = unpacked(text)
		}
		_, _ = w.Write(text)
		return
	}
	head.Set("Content-Type", "text/plain; charset=utf-8")
	head.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, "There is no such file. Reload the page: a newer version may have been installed.\n")
}

// forms are the forms in which a file may be there, the best first. The last one is for clients that accept no compression.
var forms = []struct{ suffix, coding string }{{".br", "br"}, {".gz", "gzip"}, {"", ""}, {".gz", ""}}

// accepts reports whether the client takes a coding. A quality of zero is a refusal.
func accepts(r *http.Request, coding string) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, parameters, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			quality := strings.TrimSpace(strings.ReplaceAll(parameters, " ", ""))
			return strings.Trim(strings.TrimPrefix(quality, "q="), "0.") != "" || quality == ""
		}
	}
	return false
}

// unpacked returns the content of a file of the build, which is valid gzip.
func unpacked(zipped []byte) []byte {
	in, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil
	}
	text, _ := io.ReadAll(in)
	return text
}

// contentType is fixed for what the build has, because the system's table may differ.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".md", ".txt":
		return "text/plain; charset=utf-8"
	default:
		return mime.TypeByExtension(ext)
	}
}
