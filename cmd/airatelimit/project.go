package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/prompt"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/store"
)

// maxDocument limits the bytes that are read from standard input; it is far above any real document.
const maxDocument = 4 << 20

type projectCmd struct {
	Create           projectCreateCmd      `cmd:"" help:"Make a project. Prints its keys."`
	List             projectListCmd        `cmd:"" help:"List the projects."`
	Config           projectConfigCmd      `cmd:"" help:"Print or change a project's settings."`
	ProviderKey      projectProviderKeyCmd `cmd:"" help:"Store a provider's key, so that the app need not send one."`
	RegenerateSecret projectRegenerateCmd  `cmd:"" help:"Replace a project's secret key. Prints the new one."`
	Member           projectMemberCmd      `cmd:"" help:"Give somebody a role in a project."`
	Delete           projectDeleteCmd      `cmd:"" help:"Delete a project."`
}

// configuration reads the environment, and the keys that stored provider keys are sealed with.
func (a *app) configuration() (config.Config, *secret.Keyring, error) {
	cfg, err := config.Load(a.getenv)
	if err != nil {
		return config.Config{}, nil, err
	}
	secrets, err := cfg.Secrets()
	if err != nil {
		return config.Config{}, nil, err
	}
	keys, err := secret.NewKeyring(secrets.Encryption, secrets.EncryptionOld...)
	return cfg, keys, err
}

// withStore opens the configured database while do runs. A server may use the database at the same time.
func withStore(ctx context.Context, a *app, do func(*store.Store, config.Config) error) (err error) {
	cfg, keys, err := a.configuration()
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, cfg.Database.Location)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s := store.New(db, keys)
	s.KeptKey = cfg.Database.Postgres() && cfg.KeepsEncryptionKey()
	return notFound(do(s, cfg), cfg)
}

// withExisting is withStore for commands about existing projects. In a folder without a database it creates neither a
// database nor keys, because the folder is not the server's.
func withExisting(ctx context.Context, a *app, do func(*store.Store, config.Config) error) error {
	cfg, err := config.Load(a.getenv)
	if err != nil {
		return err
	}
	if path := cfg.Database.Path; path != "" {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			if full, err := filepath.Abs(path); err == nil {
				path = full
			}
			return fmt.Errorf("there is no database at %s: run this in the server's folder, or with the server's DATA_DIR or DATABASE_URL. "+
				"`%s project create` creates a first project there", path, a.command())
		}
	}
	return withStore(ctx, a, do)
}

// caused returns a context for changes by the command line, which are in the audit trail.
func caused(ctx context.Context, reason string) context.Context {
	return ledger.WithCause(ctx, ledger.Cause{By: ledger.Actor{Kind: ledger.CLI}, At: time.Now(), Reason: reason})
}

// notFound adds the database's location, because the default DATA_DIR depends on the folder.
func notFound(err error, cfg config.Config) error {
	if errors.Is(err, project.ErrNotFound) {
		return fmt.Errorf("%w in %s: `airatelimit project list` lists the projects", err, cfg.Database.Name)
	}
	return err
}

// readDocument reads a settings file, or standard input for "-".
func readDocument(a *app, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(a.in, maxDocument))
	}
	return os.ReadFile(path)
}

// inDocument adds the document's name to an error about a field.
func inDocument(path string, err error) error {
	if path == "-" {
		path = "standard input"
	}
	return fmt.Errorf("%s: %w", path, err)
}

type projectListCmd struct {
	JSON bool `name:"json" help:"Print one JSON object a line."`
}

func (c projectListCmd) Run(ctx context.Context, a *app) error {
	return withExisting(ctx, a, func(s *store.Store, cfg config.Config) error {
		records, unread := s.Projects(ctx)
		if unread != nil && !errors.Is(unread, store.ErrUnreadable) {
			return unread
		}
		if c.JSON {
			return errors.Join(listJSON(a.out, records), unread)
		}
		if len(records) == 0 && unread == nil {
			fmt.Fprintf(a.out, "No projects in %s yet. Make one: %s project create --name \"My app\"\n", cfg.Database.Name, a.command())
			return nil
		}
		w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "PROJECT KEY\tNAME\tCREATED")
		for _, r := range records {
			fmt.Fprintf(w, "%s\t%s\t%s\n", r.Key, r.Settings.Name, r.CreatedAt.UTC().Format("2006-01-02 15:04"))
		}
		return errors.Join(w.Flush(), unread) // the projects that can be read are listed all the same
	})
}

func listJSON(w io.Writer, records []project.Record) error {
	enc := json.NewEncoder(w)
	for _, r := range records {
		err := enc.Encode(map[string]any{"projectKey": r.Key, "name": r.Settings.Name, "createdAt": r.CreatedAt.UTC(), "updatedAt": r.UpdatedAt.UTC()})
		if err != nil {
			return err
		}
	}
	return nil
}

type projectRegenerateCmd struct {
	Project string        `arg:"" help:"The project key, pk_…"`
	Grace   time.Duration `placeholder:"TIME" help:"How long the old key still works, at most 24h, such as 2h. Without it the old key ends at once."`
	JSON    bool          `name:"json" help:"Print {\"projectKey\",\"secretKey\"} only."`
}

func (c projectRegenerateCmd) Run(ctx context.Context, a *app) error {
	if c.Grace < 0 || c.Grace > project.MaxGrace {
		return usageError("--grace must be 0 to 24h")
	}
	ctx = caused(ctx, "")
	return withExisting(ctx, a, func(s *store.Store, _ config.Config) error {
		key, oldEndsAt, err := s.RegenerateSecret(ctx, c.Project, c.Grace)
		if err != nil {
			return err
		}
		if c.JSON {
			return printKeys(a.out, c.Project, key)
		}
		old := "no longer works"
		if c.Grace > 0 {
			old = "works until " + oldEndsAt.Format(time.RFC3339)
		}
		fmt.Fprintf(a.out, "New secret key: %s\nIt is not shown again. The old one %s.\n", key, old)
		return nil
	})
}

func printKeys(w io.Writer, projectKey, secretKey string) error {
	return json.NewEncoder(w).Encode(struct {
		ProjectKey string `json:"projectKey"`
		SecretKey  string `json:"secretKey"`
	}{projectKey, secretKey})
}

type projectDeleteCmd struct {
	Project string `arg:"" help:"The project key, pk_…"`
	Yes     bool   `help:"Confirm: every app that uses the key stops working, and this cannot be undone."`
}

func (c projectDeleteCmd) Run(ctx context.Context, a *app) error {
	if !c.Yes {
		return usageError("deleting a project stops every app that uses its key, and cannot be undone: add --yes to confirm")
	}
	ctx = caused(ctx, "")
	return withExisting(ctx, a, func(s *store.Store, _ config.Config) error {
		if err := s.DeleteProject(ctx, c.Project); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "Deleted %s.\n", c.Project)
		return nil
	})
}

// warnOf prints the warnings about the settings of a project that is stored.
func (a *app) warnOf(ctx context.Context, s *store.Store, rec project.Record, prices *project.PriceBook) {
	prompts, err := rec.Settings.PromptWarnings(func(name string) ([]prompt.Version, error) {
		return s.PromptVersions(ctx, rec.Key, name, math.MaxInt64, 1)
	})
	if err != nil { // the change stands
		prompts = []project.Warning{{Path: "defaultPrompt", Text: fmt.Sprintf("could not be looked up: %v", err)}}
	}
	a.warn(append(rec.Settings.Warnings(prices), prompts...))
}

// warn prints warnings to standard error, one a line.
func (a *app) warn(warnings []project.Warning) {
	for _, w := range warnings {
		fmt.Fprintf(a.err, "airatelimit: warning: %s: %s\n", w.Path, w.Text)
	}
}

// expose prints what a stolen project key can cost, with the advice that lowers it, to standard error.
func (a *app) expose(e project.Exposure) {
	const who = "airatelimit: exposure: whoever has the project key "
	if e.PerIdentity == nil {
		fmt.Fprintln(a.err, who+"can spend without a bound.")
	} else {
		fmt.Fprintf(a.err, who+"can spend $%s a day with one made-up identity, and $%s with ten thousand.\n", e.PerIdentity, e.TenThousand)
	}
	for _, advice := range e.Advice {
		value, _ := json.Marshal(advice.Value) // numbers, strings and lists of them
		fmt.Fprintf(a.err, "airatelimit: advice: %s = %s: %s\n", advice.Path, value, advice.Text)
	}
}
