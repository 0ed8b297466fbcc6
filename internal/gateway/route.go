package gateway

import (
	"net/http"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// upstream is the destination of the request, and the filters of its answer.
type upstream struct {
	target   provider.Target
	cred     provider.Credential
	redactor project.Redactor    // hides a stored key in the answer
	errors   provider.Complaints // hides errors within an answer about the account or with the stored prompt
}

// route finds the provider and the key, and checks that the model is allowed.
func (c *call) route(query string) (err error) {
	p := c.caller.Project
	model, named := c.asked()
	if c.target, err = provider.Route(p, c.ep, model, named); err != nil {
		return err
	}
	if err := c.noteModel(); err != nil {
		return err
	}
	if err := c.checkDemands(); err != nil {
		return err
	}
	c.redactor = c.target.Provider.Redactor()
	c.cred, err = provider.Authorize(c.target, c.ep, c.r.Header, query, p.Key)
	return err
}

func badRequest(param, message string) error {
	return &wire.Error{Status: http.StatusBadRequest, Code: "invalid_request", Param: param, Message: message}
}

// baseEdit is the edit that does not depend on limits: it cuts a provider's prefix off the
// model's name, and asks for usage figures in a stream.
func (c *call) baseEdit() wire.Edit {
	var edit wire.Edit
	if c.target.Model != c.env.Model {
		edit.Model = c.target.Model
	}
	edit.IncludeUsage = c.wantsUsage()
	return edit
}
