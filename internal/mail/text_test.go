package mail

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var asked = time.Date(2026, 11, 30, 14, 20, 0, 0, time.UTC)

func signIn() Message {
	return SignIn{Request: "si_1", To: "ann@example.com", Base: "https://limits.example.com", Token: "TOKEN", Code: "418207",
		Device: "Chrome on macOS", Asked: asked, Expires: asked.Add(15 * time.Minute)}.Message()
}

func TestTheMailToSignInHasALinkAndACode(t *testing.T) {
	t.Parallel()
	m := signIn()
	const want = `Sign in to AI Ratelimit at limits.example.com

Open this link:   https://limits.example.com/login#t=TOKEN
or type the code: 418 207   (in the browser where you asked for it)

Both end at 14:35 UTC and work once. Asked for on 30 Nov, 14:20 UTC, from Chrome on macOS.
If that was not you, do nothing: nobody can sign in without this mail.
`
	if m.Text != want {
		t.Errorf("text:\n%s\nwant:\n%s", m.Text, want)
	}
	if m.Subject != "418 207 is your AI Ratelimit sign-in code" || m.Key != "si_1" || m.To != "ann@example.com" {
		t.Errorf("mail %+v", m)
	}
}

func TestMailsAreSmallAndTrackNobody(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]Message{"signin": signIn(), "invitation": invitation("My app"), "test": Test("k", "ann@example.com", "https://limits.example.com")} {
		if len(m.HTML)+len(m.Text) > 10_000 {
			t.Errorf("%s has %d bytes", name, len(m.HTML)+len(m.Text))
		}
		links := strings.Count(m.HTML, "href=")
		if want := strings.Count(m.HTML, `href="`+m.Link+`"`); links != want || links > 1 || m.Link != "" && links != 1 {
			t.Errorf("%s has %d links, %d of them its own:\n%s", name, links, want, m.HTML)
		}
		for _, banned := range []string{"<img", "<script", "src=", "url(", "@import", "@font-face", "<link"} {
			if strings.Contains(m.HTML, banned) {
				t.Errorf("%s has %s", name, banned)
			}
		}
		if !strings.HasPrefix(m.HTML, `<!doctype html><html lang="en">`) || !strings.HasSuffix(m.HTML, "</html>\n") {
			t.Errorf("%s is no whole page:\n%s", name, m.HTML)
		}
	}
	if html := signIn().HTML; !strings.Contains(html, "418&nbsp;207") {
		t.Errorf("no code in:\n%s", html)
	}
}

func invitation(project string) Message {
	return Invitation{Key: "in_1", To: "bob@example.com", Base: "https://limits.example.com", Token: "TOKEN", Inviter: "ann@example.com",
		Project: project, Role: "viewer", Expires: asked.Add(7 * 24 * time.Hour)}.Message()
}

func TestAnInvitationSaysWhoAndWhat(t *testing.T) {
	t.Parallel()
	m := invitation("My app")
	const want = `ann@example.com invites you to the project My app on AI Ratelimit at limits.example.com

Your role: viewer: sees figures and limits, changes nothing

Open this link: https://limits.example.com/invite#t=TOKEN

It works until 7 Dec 2026, 14:20 UTC. You will sign in with this address, bob@example.com.
If you do not want to, do nothing.
`
	if m.Text != want || m.Subject != "ann@example.com invites you to My app on AI Ratelimit" {
		t.Errorf("subject %q, text:\n%s\nwant:\n%s", m.Subject, m.Text, want)
	}
}

var whole = regexp.MustCompile(`(?i)https?:|www\.|[a-z0-9]\.[a-z]|@|//`)

// The name of a project is what somebody typed. An invitation must not carry it to a stranger as a message with a link.
func TestANameOfAProjectCarriesNoMessage(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Free money at https://evil.example/x?y", "evil.example", "www.evil.example now", "javascript:alert(1)", "mail me@evil.example", "HTTP://EVIL.EXAMPLE",
		"evil\u200b.example", "e\u0301vil.example/x", "//evil.example", "a\r\nBcc: x@y.z", "\x00\x1b[31m", strings.Repeat("long ", 100), strings.Repeat("☃", 200), "<b>&amp;", "", " ",
	} {
		m := invitation(name)
		got := strings.TrimSuffix(strings.TrimPrefix(m.Subject, "ann@example.com invites you to "), " on AI Ratelimit")
		if whole.MatchString(got) || strings.ContainsAny(got, "\r\n\x00\x1b") || utf8.RuneCountInString(got) > maxName || got == "" || !utf8.ValidString(got) {
			t.Errorf("%q is shown as %q", name, got)
		}
		if strings.Contains(m.HTML, "<b><b>") || strings.Count(m.HTML, "href=") != 1 {
			t.Errorf("%q is not escaped:\n%s", name, m.HTML)
		}
	}
	for name, want := range map[string]string{"My app 2.0": "My app 2.0", "Café & Söhne": "Café & Söhne", "Node.js": "Node js"} {
		if got := plainName(name); got != want {
			t.Errorf("%q is shown as %q, want %q", name, got, want)
		}
	}
}
