// Command airatelimit is the server, and the commands that set it up.
//
// Each subcommand has a file with a struct of its flags and a Run method. Run gets input, output and environment as an
// [app].
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

//go:generate go run ./notices ../../THIRD_PARTY_NOTICES

// Exit codes: scripts can tell a mistyped command from one that failed.
const (
	exitFailed = 1
	exitUsage  = 2
)

type cli struct {
	Serve       serveCmd       `cmd:"" default:"1" help:"Serve the API. This is what runs without a command."`
	Project     projectCmd     `cmd:"" help:"Make and change projects, beside a running server too."`
	LoginLink   loginLinkCmd   `cmd:"" help:"Print a link that signs somebody in, beside a running server too."`
	Mail        mailCmd        `cmd:"" help:"Try whether mail can be sent."`
	Migrate     migrateCmd     `cmd:"" help:"Copy everything from a SQLite file into an empty PostgreSQL."`
	Rekey       rekeyCmd       `cmd:"" help:"Seal every stored provider key and prompt anew with ENCRYPTION_KEY."`
	Backup      backupCmd      `cmd:"" help:"Copy the SQLite file, while it is served."`
	Guard       guardCmd       `cmd:"" help:"Try the guard against prompt injection."`
	Demo        demoCmd        `cmd:"" help:"Try it: a server with a provider inside, and commands to paste."`
	Healthcheck healthcheckCmd `cmd:"" help:"Ask the server on this machine whether it takes requests, for containers."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

// app is the input, output and environment of a command.
type app struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	name     string // the program's name as it was called, for printed commands; "" is airatelimit
}

// command is the program's name for printed commands.
func (a *app) command() string { return cmp.Or(a.name, "airatelimit") }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], app{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, name: os.Args[0]}))
}

// run runs a command without the process's globals, and returns the exit code.
func run(ctx context.Context, args []string, a app) int {
	helped := false // kong prints the help, asks to exit, and continues if run does not exit
	parser, err := kong.New(&cli{},
		kong.Name("airatelimit"),
		kong.Description("Limits for AI apps: what each of your users may use, at which provider, at what cost."),
		kong.Writers(a.out, a.err),
		kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&a),
	)
	if err != nil {
		return a.fail(err)
	}
	parsed, err := parser.Parse(args)
	switch {
	case helped:
		return 0
	case err != nil:
		a.fail(err)
		fmt.Fprintf(a.err, "airatelimit: run `%s --help` for help\n", failedCommand(err))
		return exitUsage
	}
	if err := parsed.Run(); err != nil {
		return a.fail(err)
	}
	return 0
}

// failedCommand returns the part of the command line that was parsed, whose help explains the rest.
func failedCommand(err error) string {
	if parse, ok := errors.AsType[*kong.ParseError](err); ok {
		if node := parse.Context.Selected(); node != nil {
			return "airatelimit " + node.Path()
		}
	}
	return "airatelimit"
}

// fail prints every problem in err on a line of its own.
func (a *app) fail(err error) int {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(a.err, "airatelimit: "+strings.TrimSpace(line))
	}
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

// usageError is a mistake in a command line that parses.
type usageError string

func (e usageError) Error() string { return string(e) }
