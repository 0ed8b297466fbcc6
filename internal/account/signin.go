package account

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// How long proofs live, and how often they may be asked for and tried.
const (
	LinkTime       = 15 * time.Minute   // of a link and its code
	SetupTime      = 30 * time.Minute   // of the link that the server prints at its start
	InvitationTime = 7 * 24 * time.Hour // of an invitation
	ResendAfter    = time.Minute        // when a page should offer to ask again
	MaxTries       = 5                  // wrong codes of one request
	MaxWrongADay   = 10                 // wrong codes of one address, whoever asked
	WrongTime      = 24 * time.Hour     // how long wrong codes of an address count
	PerAddress     = 3                  // requests of one address in PerAddressTime
	PerAddressTime = 15 * time.Minute   //
	PerBlock       = 20                 // requests from one block of addresses in PerBlockTime
	PerBlockTime   = time.Hour          //
	codes          = int64(1_000_000)   // how many codes there are
	codeContext    = "sign-in code\x00" // keeps the HMAC of codes apart from any other use of its key
)

// Signup says who may get a new account by a mail.
type Signup string

// The values of Signup. An operator makes accounts whatever it says.
const (
	SignupOpen   Signup = "open"   // anybody
	SignupFirst  Signup = "first"  // the first, and then whoever is invited
	SignupClosed Signup = "closed" // nobody
)

// Why somebody could not sign in.
var (
	ErrLinkUsed     = errors.New("the link was used, or a later one was asked for")
	ErrLinkExpired  = errors.New("the link has expired")
	ErrOtherBrowser = errors.New("the link was asked for in another browser, and its address was not given")
	ErrAlreadySetUp = errors.New("there is an account already")
	ErrClosed       = errors.New("no account may be made for the address")
)

// CodeWrong is an error: the code is not the request's, or may not be tried any more.
type CodeWrong struct{ TriesLeft int }

func (e CodeWrong) Error() string {
	return fmt.Sprintf("the code is wrong, %d tries are left", e.TriesLeft)
}

// TooMany is an error: too many requests to sign in.
type TooMany struct{ RetryAfter time.Duration }

func (e TooMany) Error() string { return "too many requests to sign in" }

// The kinds of [Ask].
const (
	ByMail     = "mail"     // somebody asked for a mail
	ByOperator = "operator" // a command printed the link
	BySetup    = "setup"    // the server printed the link at its start
)

// Ask is a request to sign in. It has two proofs, each good once: the token of a link, and a code that is good only in the
// browser that asked.
type Ask struct {
	ID      string // si_…
	Kind    string
	Email   string // "" of BySetup
	Next    string // the page to go to afterwards, "" none
	Block   string // the block of addresses that the client is in
	Token   [32]byte
	Code    []byte    // its HMAC, nil none
	Browser [32]byte  // the hash of the browser's cookie; the zero value is that of no browser
	Expires time.Time //
}

// NewCode draws six digits.
func NewCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(codes))
	if err != nil {
		panic("account: " + err.Error()) // crypto/rand never fails
	}
	return fmt.Sprintf("%06d", n)
}

// HashCode is what is kept of a code. Whoever reads the database could try all codes against a plain hash, so it needs the
// server's own secret, and differs from request to request.
func HashCode(pepper []byte, request, code string) []byte {
	mac := hmac.New(sha256.New, pepper)
	mac.Write([]byte(codeContext + request + "\x00" + code))
	return mac.Sum(nil)
}

// SignedIn is what a proof has brought: a session, and the page to go to.
type SignedIn struct {
	Session Session
	Next    string
}

// NewSession is the session that a proof is to bring.
type NewSession struct {
	Token [32]byte // the hash of the cookie's value
	IP    string
	Agent string
}

// Proof is what somebody shows to sign in by a link: its token, and that the browser is the one that asked or, in any
// other, the address that the mail went to. A program that reads mail and presses buttons has neither.
type Proof struct {
	Token   [32]byte
	Browser [32]byte
	Email   string
}

// Guess is a code, as somebody typed it into the browser that asked.
type Guess struct {
	Request string
	Code    []byte // its HMAC
	Browser [32]byte
}
