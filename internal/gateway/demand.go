package gateway

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"github.com/airatelimit/airatelimit/internal/admission"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/sound"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// This file decides on the demands of a request besides its model's answer: whether they are allowed, and their highest cost.

// checkDemands refuses demands that the project does not allow. These are other models and, if the stored key is sent,
// objects of its account and fields that steer a gateway behind this one.
func (c *call) checkDemands() error {
	if err := c.checkModels(); err != nil {
		return err
	}
	if !c.target.Stored {
		return nil
	}
	d := &c.env.Demands
	if d.Steering != "" {
		return badRequest(d.Steering, fmt.Sprintf("`%s` would steer where the app's own API key is sent. Leave it out.", d.Steering))
	}
	for _, o := range d.Objects {
		if !c.target.Provider.AllowsObject(o.ID) {
			return badRequest(o.Param, fmt.Sprintf("`%s` refers to an object of the app's own account with %s. Leave it out; "+
				"the app's developer can list the object in the provider's allowedObjects.", o.Param, c.target.Provider.Name))
		}
	}
	return nil
}

// checkModels refuses models that the project or the tier does not allow: the body's model and every other model that the
// request can use.
func (c *call) checkModels() error {
	asker := c.asker()
	if err := asker.CheckModel("model", c.target.Model); err != nil {
		return err
	}
	if !c.caller.Project.Restricts(c.tier) {
		return nil
	}
	d := &c.env.Demands
	for _, m := range d.Models {
		if err := asker.CheckModel(m.Param, m.Model); err != nil {
			return err
		}
	}
	if d.Chooses != "" {
		return badRequest(d.Chooses, fmt.Sprintf("`%s` lets the provider choose a model, and this app allows only some. Name the models instead.", d.Chooses))
	}
	for _, t := range d.Tools {
		if bringsModel(t.Type) && t.Model == "" && !(t.Named && strings.HasPrefix(t.Type, "openrouter:")) {
			return badRequest(t.Param, fmt.Sprintf("The tool %q chooses a model of its own, and this app allows only some. Give the tool its `model`.", t.Type))
		}
	}
	return nil
}

// bringsModel reports whether a tool uses a model of its own: OpenAI's image tool, Anthropic's advisor, OpenRouter's tools.
func bringsModel(kind string) bool {
	for _, word := range [...]string{"image_generation", "advisor", "subagent", "fusion"} {
		if strings.Contains(kind, word) {
			return true
		}
	}
	return false
}

// blocked refuses a second model that a limit of 0 blocks.
func (c *call) blocked() error {
	if len(c.env.Demands.Models) == 0 { // most requests
		return nil
	}
	asker := c.asker()
	for _, m := range c.env.Demands.Models {
		rules := asker.Rules(m.Model)
		for metric := range limit.Metric(limit.NumMetrics) {
			if l, ok := rules.Limit(metric); ok && l.Blocks() {
				d := limit.Decision{Refusal: limit.OverLimit, Metric: metric, Lasting: true}
				d.Standings[metric] = limit.Standing{Limit: l}
				return asker.Refusal(&d, m.Model, c.now)
			}
		}
	}
	return nil
}

// unpricedSecond refuses a second model without a known price. It is for requests under a cost limit.
func (c *call) unpricedSecond() error {
	for _, m := range c.env.Demands.Models {
		if m.Param == "moderation" {
			continue // free
		}
		if _, ok := c.price(m.Model); !ok {
			return admission.Unpriced(m.Model)
		}
	}
	return nil
}

func unbounded(param, format string, args ...any) error {
	return &wire.Error{Status: http.StatusBadRequest, Code: "unbounded_cost", Param: param, Message: fmt.Sprintf(format, args...)}
}

// checkBounds refuses requests whose cost no hold can cover: a strict limit could not be kept.
func (c *call) checkBounds() error {
	d := &c.env.Demands
	for _, m := range append([]wire.Named{{Param: "model", Model: c.target.Model}}, d.Models...) {
		if searches(m.Model) {
			return unbounded(m.Param, "A strict limit applies, and %q searches the web by itself, without a bound. Ask another model.", m.Model)
		}
	}
	for _, t := range d.Tools {
		if _, err := c.usesOf(t); err != nil {
			return err
		}
	}
	switch {
	case d.OwnCap != "":
		return unbounded(d.OwnCap, "A strict limit applies, and an output cap within `%s` could exceed it. Leave that cap out: the request's own cap applies.", d.OwnCap)
	case d.OwnSpeed != "":
		return unbounded(d.OwnSpeed, "A strict limit applies, and a `speed` within `%s` may raise the price. Leave it out.", d.OwnSpeed)
	case d.Chooses != "":
		return unbounded(d.Chooses, "A strict limit applies, and `%s` lets the provider choose a model of any price. Name the models instead.", d.Chooses)
	case c.animates():
		return unbounded("output_format", "A strict limit applies, and the frames of an animation are not bounded. Ask for png, jpeg or webp.")
	case transcribes(c.ep.Operation) && !c.measureSound().known:
		return unbounded("file", "A strict limit applies, and the length of the recording cannot be measured. Send the file itself, as WAV, MP3, FLAC, Ogg, M4A or WebM.")
	}
	return nil
}

// animates reports whether the body may ask an image model for an animation. Every frame is billed.
func (c *call) animates() bool {
	draws := c.ep.Operation == wire.ImageGenerations || c.ep.Operation == wire.ImageEdits
	for _, t := range c.env.Demands.Tools {
		draws = draws || t.Type == "image_generation"
	}
	return draws && (mentions(c.body, `"frame_count"`) || mentions(c.body, `"gif"`) || bytes.Contains(c.body, []byte("\r\n\r\ngif\r\n")))
}

// searches reports whether a model runs hosted tools by itself: OpenAI's search models, OpenRouter's :online models,
// Groq's compound systems.
func searches(model string) bool {
	model = limit.NormalizeModel(model)
	return strings.Contains(model, "-search-preview") || strings.Contains(model, "-search-api") || strings.Contains(model, ":online") ||
		strings.HasPrefix(model, "compound") || strings.HasPrefix(model, "groq/compound")
}

// bound is what bounds the uses of a hosted tool.
type bound uint8

const (
	byNothing bound = iota
	byCalls         // OpenAI's max_tool_calls, for all tools of a response together
	byUses          // the tool's own max_uses
)

// hosted is the fee and the bound of a tool that a vendor runs.
type hosted struct {
	fee   price.Fee // FeeKinds if there is none
	bound bound
}

// hostedTools are the tools that vendors run, by dialect and undated type, with their documented bounds. A tool that is
// not listed has no known fee or bound: a strict limit refuses it.
var hostedTools = [wire.NumDialects]map[string]hosted{
	wire.OpenAI: {
		"web_search":                {price.WebSearch, byCalls},
		"web_search_preview":        {price.WebSearchPreview, byCalls},
		"file_search":               {price.FileSearch, byCalls},
		"code_interpreter":          {price.CodeInterpreter, byCalls},
		"shell":                     {price.CodeInterpreter, byCalls},
		"image_generation":          {price.FeeKinds, byCalls},
		"tool_search":               {price.FeeKinds, byCalls},
		"programmatic_tool_calling": {price.FeeKinds, byCalls},
		"web_search_options":        {price.WebSearch, byNothing},
		"search_parameters":         {price.WebSearch, byNothing},
		"x_search":                  {price.WebSearch, byNothing},
		"code_execution":            {price.CodeInterpreter, byNothing},
		"collections_search":        {price.FileSearch, byNothing},
		"document_library":          {price.FileSearch, byNothing},
		"plugin:web":                {price.WebSearch, byNothing},
		"openrouter:web_search":     {price.WebSearch, byNothing},
		"google_search":             {price.Grounding, byNothing},
	},
	wire.Anthropic: {
		"web_search":     {price.WebSearch, byUses},
		"web_fetch":      {price.FeeKinds, byUses},
		"advisor":        {price.FeeKinds, byUses},
		"code_execution": {price.CodeInterpreter, byNothing},
	},
	wire.Gemini: {
		"googleSearch": {price.Grounding, byNothing}, "google_search": {price.Grounding, byNothing},
		"googleSearchRetrieval": {price.Grounding, byNothing}, "google_search_retrieval": {price.Grounding, byNothing},
		"enterpriseWebSearch": {price.Grounding, byNothing}, "enterprise_web_search": {price.Grounding, byNothing},
		"googleMaps": {price.Grounding, byNothing}, "google_maps": {price.Grounding, byNothing},
		"fileSearch": {price.FileSearch, byNothing}, "file_search": {price.FileSearch, byNothing},
	},
}

func (c *call) hosted(t wire.Tool) hosted {
	if h, ok := hostedTools[c.ep.Dialect][wire.UndatedTool(t.Type)]; ok {
		return h
	}
	return hosted{fee: price.FeeKinds}
}

// usesOf returns how often the request can use a hosted tool, or the 400 that says how to bound it. Only OpenAI itself is
// known to obey max_tool_calls.
func (c *call) usesOf(t wire.Tool) (int64, error) {
	d := &c.env.Demands
	switch c.hosted(t).bound {
	case byUses:
		if t.MaxUses < 0 {
			return 0, unbounded(t.Param, "A strict limit applies, and the uses of the tool %q are not bounded. Give it `max_uses`.", t.Type)
		}
		return t.MaxUses, nil
	case byCalls:
		if c.ep.Operation == wire.ChatCompletions || !c.target.Provider.Quirks().CountsToolCalls {
			break
		}
		if !d.CallsBounded {
			return 0, unbounded("max_tool_calls", "A strict limit applies, and the uses of the tool %q are not bounded. Send `max_tool_calls`.", t.Type)
		}
		return d.ToolCalls, nil
	}
	return 0, unbounded(t.Param, "A strict limit applies, and the provider runs the tool %q at a cost without a known bound. Leave it out.", t.Type)
}

// maxSearched is the context of OpenAI's web search in tokens, whatever the model's own context is.
const maxSearched = 128_000

// notShown is the most input, in tokens, that a provider reads at once besides the body: objects that the body refers to, and
// results of hosted tools.
func (c *call) notShown(p price.Price) int64 {
	most := known(p.Context, unknownInput)
	for _, m := range c.env.Demands.Models {
		second, _ := c.price(m.Model)
		most = max(most, known(second.Context, unknownInput))
	}
	if c.env.Input.Opaque {
		return most
	}
	read := int64(0)
	for _, t := range c.env.Demands.Tools {
		if c.ep.Dialect != wire.OpenAI || wire.UndatedTool(t.Type) != "web_search" {
			return most
		}
		read = min(most, maxSearched)
	}
	return read
}

// addDemands adds the possible cost of hosted tools and second models to an estimate.
func (c *call) addDemands(e *estimate) {
	d := &c.env.Demands
	e.held, e.passes, e.turns = dearestOutput(e.price), 1, 1
	for range d.Compactions {
		e.addPass(e.price)
	}
	for _, m := range d.Models {
		p, _ := c.price(m.Model) // under a cost limit, an unpriced model was refused already
		switch m.Param {
		case "fallbacks": // every one that answers is billed, even if it declines midway
			e.addPass(p)
		case "models":
			e.held = e.held.Dearest(dearestOutput(p))
		}
	}
	// max_tool_calls bounds all tools together, so it is added once.
	var turns bool
	var fees [price.FeeKinds]bool
	for _, t := range d.Tools {
		uses, err := c.usesOf(t)
		if err != nil {
			uses = 1 // no strict limit applies: it would have refused the tool
		}
		tool := c.hosted(t)
		together := tool.bound == byCalls && err == nil
		if !together || !turns {
			e.turns += min(uses, maxTurns)
			turns = turns || together
		}
		if fee := tool.fee; fee < price.FeeKinds && !(together && fees[fee]) {
			e.input.Fees[fee] = min(e.input.Fees[fee]+satMul(uses, c.containerSize(fee)), limit.MaxAmount)
			fees[fee] = fees[fee] || together
		}
		c.addToolModel(e, t, uses)
	}
	if searches(c.target.Model) {
		e.input.Fees[price.WebSearch]++
	}
}

// maxTurns keeps the arithmetic from overflowing. No limit covers so many turns.
const maxTurns = 1 << 20

func (e *estimate) addPass(p price.Price) {
	e.held = e.held.Plus(dearestOutput(p))
	e.passes++
}

// dearestOutput is p with its highest output rate for every token of output: a model that speaks or draws may answer
// with sound or images only.
func dearestOutput(p price.Price) price.Price {
	p.Output = max(p.Output, p.AudioOutput, p.ImageOutput)
	p.Long.Output = max(p.Long.Output, p.Long.AudioOutput, p.Long.ImageOutput)
	return p
}

// containerSize is the price of the largest container that the body may ask for, in containers of 1 GB: OpenAI bills by
// memory, and 1 GB is the default.
func (c *call) containerSize(fee price.Fee) int64 {
	if fee != price.CodeInterpreter || !mentions(c.body, `"memory_limit"`) {
		return 1
	}
	for _, size := range [...]struct {
		name  string
		worth int64
	}{{`"64g"`, 64}, {`"16g"`, 16}, {`"4g"`, 4}} {
		if mentions(c.body, size.name) {
			return size.worth
		}
	}
	return 1
}

// maxImagePrompt is the longest prompt of OpenAI's image models in characters, which bounds its tokens.
const maxImagePrompt = 32_000

// addToolModel adds the highest usage of a tool's own model. An advisor's model reads the whole conversation. An image tool reads
// a prompt and the conversation's images, and draws.
func (c *call) addToolModel(e *estimate, t wire.Tool, uses int64) {
	var u price.Usage
	p, priced := c.price(t.Model)
	switch kind := wire.UndatedTool(t.Type); {
	case uses == 0:
		return
	case kind == "advisor":
		u.Input = e.input.Input
		u.CacheWrite1h = u.Input // the tool has a caching setting of its own
		u.Output = known(max(t.MaxTokens, 0), known(p.MaxOutput, unknownOutput))
	case kind == "image_generation":
		if t.Model == "" {
			if p, priced = c.price(defaultImageModel); !priced {
				p, priced = e.price, e.priced
			}
		}
		u.ImageInput = (c.env.Input.Images + uses) * maxImageInputEdited
		u.Input = maxImagePrompt + u.ImageInput
		u.Output = maxImageTokens(t.Model) + partialImages
		u.ImageOutput = u.Output
		u.Images = 1
	default:
		return
	}
	if priced {
		e.extra[limit.Cost] = addSat(e.extra[limit.Cost], satMul(p.Cost(u), uses))
	}
	e.extra[limit.Tokens] = addSat(e.extra[limit.Tokens], satMul(u.Tokens(), uses))
}

func addSat(a, b int64) int64 { return min(a, limit.MaxAmount) + min(b, limit.MaxAmount) }

// defaultImageModel stands for the model that OpenAI's image tool uses by default; none of its defaults costs more.
const defaultImageModel = "gpt-image-2"

// soundLength is how long the sound to be transcribed can be.
type soundLength struct {
	millis   int64
	known    bool
	measured bool
}

// longestClip is the longest clip of a speaker's voice in milliseconds: OpenAI takes 2 to 10 seconds.
const longestClip = 10_000

// measureSound measures the sound to be transcribed, once a request. A length that cannot be measured is taken at the
// lowest bit rate of MPEG audio, one byte a millisecond; a strict limit refuses it.
func (c *call) measureSound() soundLength {
	if c.sound.measured {
		return c.sound
	}
	l := soundLength{millis: c.env.SoundClips * longestClip, known: !c.env.SoundAbsent, measured: true}
	if c.env.SoundAbsent {
		l.millis += int64(len(c.body))
	}
	for _, file := range c.env.Sounds {
		n, known := sound.Longest(file)
		if !known {
			n, l.known = int64(len(file)), false
		}
		l.millis = addSat(l.millis, n)
	}
	c.sound = l
	return l
}

// transcribes reports whether the operation turns sound into text.
func transcribes(op wire.Operation) bool { return op == wire.Transcriptions || op == wire.Translations }
