package mail

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// SignIn is the mail with a link and a code.
type SignIn struct {
	Request string // the request's id
	To      string
	Base    string // the address of this server
	Token   string
	Code    string // six digits
	Device  string // the browser, in words
	Asked   time.Time
	Expires time.Time
}

// Message writes the mail.
func (s SignIn) Message() Message {
	m := Message{Key: s.Request, To: s.To, Link: s.Base + "/login#t=" + s.Token,
		Subject: spaced(s.Code) + " is your AI Ratelimit sign-in code"}
	m.Text = fmt.Sprintf(`Sign in to AI Ratelimit at %s

Open this link:   %s
or type the code: %s   (in the browser where you asked for it)

Both end at %s and work once. Asked for on %s, from %s.
If that was not you, do nothing: nobody can sign in without this mail.
`, s.Host(), m.Link, spaced(s.Code), s.End(), s.Start(), s.Device)
	m.HTML = render("signin", struct {
		SignIn
		Link template.URL
		Half [2]string
	}{s, template.URL(m.Link), [2]string{s.Code[:3], s.Code[3:]}}) //nolint:gosec // our own link
	return m
}

// Host is the name of this server, for people.
func (s SignIn) Host() string { return hostOf(s.Base) }

// Start is when somebody asked.
func (s SignIn) Start() string { return s.Asked.UTC().Format("2 Jan, 15:04 UTC") }

// End is when the link and the code end.
func (s SignIn) End() string { return s.Expires.UTC().Format("15:04 UTC") }

// Invitation is the mail to somebody who is to become a member of a project.
type Invitation struct {
	Key     string
	To      string
	Base    string
	Token   string
	Inviter string // the mail address of who invites
	Project string // its name, as somebody typed it
	Role    string
	Expires time.Time
}

// roles say in a sentence what a member may do.
var roles = map[string]string{
	"viewer": "viewer: sees figures and limits, changes nothing",
	"admin":  "admin: changes limits, keys and users of the project",
	"owner":  "owner: may do everything, and says who the members are",
}

// Message writes the mail.
func (i Invitation) Message() Message {
	m := Message{Key: i.Key, To: i.To, Link: i.Base + "/invite#t=" + i.Token,
		Subject: fmt.Sprintf("%s invites you to %s on AI Ratelimit", i.Inviter, i.Name())}
	m.Text = fmt.Sprintf(`%s invites you to the project %s on AI Ratelimit at %s

Your role: %s

Open this link: %s

It works until %s. You will sign in with this address, %s.
If you do not want to, do nothing.
`, i.Inviter, i.Name(), i.Host(), i.May(), m.Link, i.End(), i.To)
	m.HTML = render("invitation", struct {
		Invitation
		Link template.URL
	}{i, template.URL(m.Link)}) //nolint:gosec // our own link
	return m
}

// Host is the name of this server, for people.
func (i Invitation) Host() string { return hostOf(i.Base) }

// Name is the project's name, in a form that cannot carry somebody's own message to a stranger.
func (i Invitation) Name() string { return plainName(i.Project) }

// May says what the role may do.
func (i Invitation) May() string { return roles[i.Role] }

// End is the day on which the invitation ends.
func (i Invitation) End() string { return i.Expires.UTC().Format("2 Jan 2006, 15:04 UTC") }

// Test is the mail of airatelimit mail test.
func Test(key, to, base string) Message {
	text := "This is a test of AI Ratelimit at " + hostOf(base) + ". Mail from this server reaches you.\n"
	return Message{Key: key, To: to, Subject: "AI Ratelimit can send mail", Text: text, HTML: render("test", hostOf(base))}
}

// spaced shows a code as people read it: 418 207.
func spaced(code string) string { return code[:3] + " " + code[3:] }

func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return base
	}
	return u.Host
}

// maxName is how many characters of a project's name a mail shows.
const maxName = 60

var (
	address    = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*:(//)?\S*|//\S*|\bwww\.\S*|\S*@\S*`)
	domainLike = regexp.MustCompile(`(?i)([\p{L}\p{N}])\.([\p{L}])`) // mail programs make links of names such as a.example
)

// plainName takes out of a name what would be a link, and shortens it.
func plainName(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, name)
	name = domainLike.ReplaceAllString(address.ReplaceAllString(name, " "), "$1 $2")
	name = strings.Join(strings.Fields(name), " ")
	if r := []rune(name); len(r) > maxName {
		name = strings.TrimSpace(string(r[:maxName-1])) + "…"
	}
	if name == "" {
		return "a project"
	}
	return name
}

//go:embed mails.html
var mails string

var pages = template.Must(template.New("").Parse(mails))

// render writes the HTML part. Its templates are ours, and so a failure is a fault of the program.
func render(name string, data any) string {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		panic("mail: " + err.Error())
	}
	return strings.TrimSpace(b.String()) + "\n"
}
