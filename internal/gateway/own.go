package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/airatelimit/airatelimit/internal/ledger"
)

// usage answers GET /v1/usage with the report that an app shows its user.
func (c *call) usage(ctx context.Context) error {
	account, err := c.account(ctx)
	if err != nil {
		return asUnavailable(err)
	}
	c.settings = account.Settings
	if err := c.selectTier(); err != nil {
		return err
	}
	asker := c.asker()
	return c.writeJSON(ledger.Report(&account, asker.Levels(), asker.TierName(), c.start))
}

func (c *call) writeJSON(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	c.writeHeader(http.StatusOK)
	c.write(body)
	return nil
}
