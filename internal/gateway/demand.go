package gateway

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/sound"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// What a request asks for beside an answer of its model: whether it may, and what that may cost.

// checkDemands refuses what the body asks for that the project does not give: models that it does not allow and, where its
// own key is sent, objects of its account and another way through a gateway behind us.
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

// checkModels refuses models that the project, or the tier, does not allow: the body's own, and every other that the
// request can set to work.
func (c *call) checkModels() error {
	if err := c.checkAllowed("model", c.target.Model); err != nil {
		return err
	}
	if !c.caller.Project.Restricts(c.tier) {
		return nil
	}
	d := &c.env.Demands
	named := false
	for _, m := range d.Models {
		if err := c.checkAllowed(m.Param, m.Model); err != nil {
			return err
		}
		named = named || m.Param == "tools"
	}
	if d.Chooses != "" {
		return badRequest(d.Chooses, fmt.Sprintf("`%s` lets the provider choose a model, and this app allows only some. Name the models instead.", d.Chooses))
	}
	for _, t := range d.Tools {
		if bringsModel(t.Type) && t.Model == "" && !named {
			return badRequest(t.Param, fmt.Sprintf("The tool %q chooses a model of its own, and this app allows only some. Give the tool its `model`.", t.Type))
		}
	}
	return nil
}

// bringsModel reports whether a tool works with a model of its own: OpenAI's images, Anthropic's adviser, OpenRouter's.
func bringsModel(kind string) bool {
	for _, word := range [...]string{"image_generation", "advisor", "subagent", "fusion"} {
		if strings.Contains(kind, word) {
			return true
		}
	}
	return false
}

// blocked is the refusal of a request that names a second model which a limit of 0 blocks, or nil.
func (c *call) blocked() error {
	levels := identity.Levels(c.caller.Project, c.settings, c.tier)
	for _, m := range c.env.Demands.Models {
		rules := limit.Resolve(levels, limit.NormalizeModel(m.Model), c.rules.Period, c.rules.Strict)
		for metric := range limit.Metric(limit.NumMetrics) {
			if l, ok := rules.Limit(metric); ok && l.Blocks() {
				d := limit.Decision{Refusal: limit.OverLimit, Metric: metric, Lasting: true}
				d.Standings[metric] = limit.Standing{Limit: l}
				return c.refusal(&d, m.Model)
			}
		}
	}
	return nil
}

// unpricedSecond refuses a second model whose price is not known, under a limit on costs.
func (c *call) unpricedSecond() error {
	for _, m := range c.env.Demands.Models {
		if m.Param == "moderation" {
			continue // free
		}
		if _, ok := c.caller.Project.Price(m.Model); !ok {
			return unpriced(m.Model)
		}
	}
	return nil
}

func unbounded(param, format string, args ...any) error {
	return &wire.Error{Status: http.StatusBadRequest, Code: "unbounded_cost", Param: param, Message: fmt.Sprintf(format, args...)}
}

// checkBounds refuses what could make a request dearer than any hold, for which a strict limit cannot be kept.
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
		return unbounded(d.OwnCap, "A strict limit applies, and an output cap within `%s` would not be kept by it. Leave that out: the request's own applies.", d.OwnCap)
	case d.OwnSpeed != "":
		return unbounded(d.OwnSpeed, "A strict limit applies, and a `speed` within `%s` may raise the price. Leave it out.", d.OwnSpeed)
	case d.Chooses != "":
		return unbounded(d.Chooses, "A strict limit applies, and `%s` lets the provider choose a model of any price. Name the models instead.", d.Chooses)
	case c.animates():
		return unbounded("output_format", "A strict limit applies, and the frames of an animation are not bounded. Ask for png, jpeg or webp.")
	case transcribes(c.ep.Operation) && !c.listen().known:
		return unbounded("file", "A strict limit applies, and the length of the sound cannot be told from what was sent. Send the file itself, as WAV, MP3, FLAC, Ogg, M4A or WebM.")
	}
	return nil
}

// animates reports whether the body may ask an image model for an animation, each frame of which is paid for.
func (c *call) animates() bool {
	draws := c.ep.Operation == wire.ImageGenerations || c.ep.Operation == wire.ImageEdits
	for _, t := range c.env.Demands.Tools {
		draws = draws || t.Type == "image_generation"
	}
	return draws && (mentions(c.body, `"frame_count"`) || mentions(c.body, `"gif"`) || bytes.Contains(c.body, []byte("\r\n\r\ngif\r\n")))
}

// searches reports whether a model runs hosted tools by itself: OpenAI's search models, those that OpenRouter lets
// search, Groq's compound systems.
func searches(model string) bool {
	model = limit.NormalizeModel(model)
	return strings.Contains(model, "-search-preview") || strings.Contains(model, "-search-api") || strings.HasSuffix(model, ":online") ||
		strings.HasPrefix(model, "compound") || strings.HasPrefix(model, "groq/compound")
}

// What bounds the uses of a hosted tool.
type bound uint8

const (
	byNothing bound = iota
	byCalls         // OpenAI's max_tool_calls, for all tools of a response together
	byUses          // the tool's own max_uses
)

// hosted says what is known of a tool that a vendor runs.
type hosted struct {
	fee   price.Fee // FeeKinds for none
	bound bound
}

// hostedTools are the tools that vendors run, by dialect and type, undated, with what is documented to bound them. What
// is not listed has no known price and no known bound: it can be used where no strict limit applies.
var hostedTools = [...]map[string]hosted{
	wire.OpenAI: {
		"web_search":                {price.WebSearch, byCalls},
		"web_search_preview":        {price.WebSearch, byCalls},
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

// usesOf is how often a hosted tool can be used in the request, or the 400 that says how to bound it. Only OpenAI itself
// is known to keep max_tool_calls.
func (c *call) usesOf(t wire.Tool) (int64, error) {
	d := &c.env.Demands
	switch c.hosted(t).bound {
	case byUses:
		if t.MaxUses < 0 {
			return 0, unbounded(t.Param, "A strict limit applies, and the tool %q is used as often as the model likes. Give it `max_uses`.", t.Type)
		}
		return t.MaxUses, nil
	case byCalls:
		if c.ep.Operation == wire.ChatCompletions || c.target.Provider.Vendor != "openai" {
			break
		}
		if !d.CallsBounded {
			return 0, unbounded("max_tool_calls", "A strict limit applies, and the tool %q is used as often as the model likes. Send `max_tool_calls`.", t.Type)
		}
		return d.ToolCalls, nil
	}
	return 0, unbounded(t.Param, "A strict limit applies, and the provider runs %q without a known bound of what that costs. Leave it out.", t.Type)
}

// mostSearched is the most that OpenAI's web search works with, in tokens, whatever the model's own context is.
const mostSearched = 128_000

// notShown is the most that the provider reads at once of what the body does not show: what it refers to, and what hosted
// tools find.
func (c *call) notShown(p price.Price) int64 {
	most := known(p.Context, unknownInput)
	for _, m := range c.env.Demands.Models {
		second, _ := c.caller.Project.Price(m.Model)
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
		read = min(most, mostSearched)
	}
	return read
}

// addDemands adds what hosted tools and second models may cost to an estimate of the rest.
func (c *call) addDemands(e *estimate) {
	d := &c.env.Demands
	e.held, e.passes, e.turns = dearestOutput(e.price), 1, 1
	for range d.Compactions {
		e.addPass(e.price)
	}
	for _, m := range d.Models {
		p, _ := c.caller.Project.Price(m.Model) // a limit on costs has refused what has none
		switch m.Param {
		case "fallbacks": // each that answers is paid for, those that decline midway too
			e.addPass(p)
		case "models":
			e.held = e.held.Dearest(dearestOutput(p))
		}
	}
	for _, t := range d.Tools {
		uses, err := c.usesOf(t)
		if err != nil {
			uses = 1 // no strict limit applies, or it has been refused
		}
		e.turns += min(uses, mostTurns)
		if fee := c.hosted(t).fee; fee < price.FeeKinds {
			e.input.Fees[fee] = satMul(e.input.Fees[fee]+uses, c.containerSize(fee))
		}
		c.addToolModel(e, t, uses)
	}
	if searches(c.target.Model) {
		e.input.Fees[price.WebSearch]++
	}
}

// mostTurns bounds the arithmetic, not what is asked for: no limit covers so many.
const mostTurns = 1 << 20

func (e *estimate) addPass(p price.Price) {
	e.held = e.held.Plus(dearestOutput(p))
	e.passes++
}

// dearestOutput is a price with every token of output at the dearest of its rates: a model that speaks or draws may
// answer in nothing else.
func dearestOutput(p price.Price) price.Price {
	p.Output = max(p.Output, p.AudioOutput, p.ImageOutput)
	p.Long.Output = max(p.Long.Output, p.Long.AudioOutput, p.Long.ImageOutput)
	return p
}

// containerSize is how many of the smallest containers the largest that the body can ask for is worth: OpenAI bills by
// memory, of 1 GB where nothing is said.
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

// mostImagePrompt is the longest prompt of OpenAI's image models, in characters: no fewer than its tokens.
const mostImagePrompt = 32_000

// addToolModel adds what a tool's own model may use. An adviser reads the whole conversation on its own model; an image
// tool reads a prompt and the conversation's images, and draws.
func (c *call) addToolModel(e *estimate, t wire.Tool, uses int64) {
	var u price.Usage
	p, priced := c.caller.Project.Price(t.Model)
	switch kind := wire.UndatedTool(t.Type); {
	case uses == 0:
		return
	case kind == "advisor":
		u.Input = e.input.Input
		u.CacheWrite1h = u.Input // its caching is a setting of its own
		u.Output = known(max(t.MaxTokens, 0), known(p.MaxOutput, unknownOutput))
	case kind == "image_generation":
		if t.Model == "" {
			if p, priced = c.caller.Project.Price(defaultImageModel); !priced {
				p, priced = e.price, e.priced
			}
		}
		u.ImageInput = (c.env.Input.Images + uses) * mostImageInputEdited
		u.Input = mostImagePrompt + u.ImageInput
		u.Output = mostImageTokens(t.Model) + partialImages
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

func addSat(a, b int64) int64 { return min(a, limit.Most) + min(b, limit.Most) }

// defaultImageModel is what OpenAI's image tool uses where it names no model, or one that costs no more.
const defaultImageModel = "gpt-image-2"

// soundLength is how long the sound to be transcribed can be.
type soundLength struct {
	millis   int64
	known    bool
	measured bool
}

// longestClip is the most that a clip of a speaker's voice lasts, in milliseconds: OpenAI takes 2 to 10 seconds.
const longestClip = 10_000

// listen measures the sound to be transcribed, once a request. What cannot be told is taken at the lowest bit rate of
// MPEG audio, a byte a millisecond, and is refused where a limit is strict.
func (c *call) listen() soundLength {
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
