package wire

import (
	"bytes"
	"strings"
)

// This file finds the demands of a body besides an answer of its model: tools that the provider runs, other models, objects
// of the key's account, and fields that steer a gateway behind this one. Package gateway decides about them.

// Tool is a tool that the provider runs or may run.
type Tool struct {
	Param     string // the field that turns it on: tools, plugins, web_search_options, …
	Type      string // as the body names it; "" for none
	Model     string // the tool's own model; "" for none
	Named     bool   // it names a model, as Model or, like OpenRouter's tools, within its settings
	MaxUses   int64  // its own bound of uses; -1 for none
	MaxTokens int64  // its own bound of output tokens a use; -1 for none
}

// Named is a model that a field other than `model` names.
type Named struct{ Param, Model string }

// Object is an object of the account of the provider's key: a file, a store, a container, a prompt or a cache.
type Object struct{ Param, ID string }

// Demands are the demands of a body besides an answer of its model.
type Demands struct {
	Tools        []Tool
	CallsBounded bool  // the body has max_tool_calls, which bounds all hosted tools of a response together
	ToolCalls    int64 // the value of max_tool_calls
	TypedTools   int64 // tools of a vendor's own type, hosted or not, which the vendor describes to the model
	Models       []Named
	Chooses      string // the field that lets the provider choose a model; "" for none
	OwnCap       string // the field that gives a second model its own output cap; "" for none
	OwnSpeed     string // the field that gives a second model its own speed; "" for none
	Objects      []Object
	Steering     string // the field that steers a gateway behind this one; "" for none
	Prediction   int64  // bytes of predicted output; a token is at least one
	Compactions  int64  // edits for which the provider reads the input once more and summarises it
}

// maxDemands bounds each kind of a body's noted demands: tools, models and objects.
const maxDemands = 512

func tooMany(param string) error {
	return invalid(param, "The request has more than %d of `%s`. Send fewer.", maxDemands, param)
}

func (d *Demands) addTool(t Tool) error {
	if len(d.Tools) == maxDemands {
		return tooMany(t.Param)
	}
	d.Tools = append(d.Tools, t)
	return nil
}

func (d *Demands) addModel(param, name string) error {
	if len(d.Models) == maxDemands {
		return tooMany(param)
	}
	if err := checkModel(name); err != nil {
		return invalid(param, "`%s` names a model that is empty, too long or not printable.", param)
	}
	d.Models = append(d.Models, Named{param, name})
	return d.addPreset(name)
}

// addPreset notes the preset that a model's name asks for: settings stored with OpenRouter, perhaps another model among
// them.
func (d *Demands) addPreset(model string) error {
	if _, preset, ok := strings.Cut(model, "@preset/"); ok {
		return d.addObject("preset", preset)
	}
	return nil
}

func (d *Demands) addObject(param, id string) error {
	if len(d.Objects) == maxDemands {
		return tooMany(param)
	}
	d.Objects = append(d.Objects, Object{param, id})
	return nil
}

// unsupportedParameter makes the 400 for a parameter that the gateway cannot account for.
func unsupportedParameter(param, format string, args ...any) *Error {
	e := invalid(param, format, args...)
	e.Code = "unsupported_parameter"
	return e
}

// responses reports whether an operation takes a body of the Responses API.
func (op Operation) responses() bool {
	return op == Responses || op == CountResponseTokens || op == CompactResponse
}

// toolFrame holds the members of a tool's object.
type toolFrame struct {
	kind, model, execution token // strings; of kind missing if absent
	maxUses, maxTokens     token
	described              bool // it describes a function: it has a function, parameters or an input schema
	foreign                bool // it has the member of a tool that Google runs
	named                  bool // it names a model
	local                  bool // its environment is the client's own
}

// toolFields are the members of a tool that bound or identify it. Every later parser must read the same values.
var toolFields = []spelling{
	{"type", toolKind},
	{"model", toolsModel},
	{"max_uses", toolMaxUses},
	{"max_tokens", toolMaxTokens},
}

// clientTypes are the undated types of vendors' tools that the client runs. Their results come in its next request.
var clientTypes = [...]string{"function", "custom", "namespace", "computer", "computer_use_preview", "local_shell", "apply_patch",
	"bash", "text_editor", "memory", "computer_toolset", "browser_toolset"}

// UndatedTool returns a tool's type without Anthropic's date or OpenAI's version at its end.
func UndatedTool(kind string) string {
	for _, date := range [...]string{"_20060102", "_2006_01_02"} {
		if n := len(kind) - len(date); n > 0 && dateLike(kind[n:], date) {
			return kind[:n]
		}
	}
	return kind
}

func dateLike(s, shape string) bool {
	for i := range len(s) {
		if s[i] != shape[i] && (!isDigit(s[i]) || !isDigit(shape[i])) {
			return false
		}
	}
	return true
}

func isClientTool(kind string) bool {
	kind = UndatedTool(kind)
	for _, t := range clientTypes {
		if kind == t {
			return true
		}
	}
	return false
}

// tool notes a tool once all its members are read.
func (r *reader) tool(f *toolFrame) error {
	kind, ok := r.optional(f.kind)
	plain := f.kind.kind == missing || f.kind.kind == null
	switch {
	case f.foreign, !ok, !plain && f.kind.kind != text:
	case plain && (f.described || r.e.spec().untypedTools):
		return nil
	case isClientTool(kind):
		r.typed(kind)
		return nil
	case kind == "tool_search" && r.is(f.execution, "client"), kind == "shell" && f.local:
		r.e.Demands.TypedTools++
		return nil
	}
	t := Tool{Param: "tools", Type: kind, Named: f.named, MaxUses: r.bound(f.maxUses), MaxTokens: r.bound(f.maxTokens)}
	if t.Model, ok = r.optional(f.model); !ok {
		return invalid("tools", "A tool's `model` has broken Unicode.")
	}
	r.e.Demands.TypedTools++
	return r.e.Demands.addTool(t)
}

func (r *reader) typed(kind string) {
	if kind != "function" && kind != "custom" && kind != "namespace" {
		r.e.Demands.TypedTools++
	}
}

// optional decodes a string that may be absent; ok is false for broken Unicode.
func (r *reader) optional(v token) (s string, ok bool) {
	if v.kind != text {
		return "", true
	}
	return r.decode(v)
}

func (r *reader) is(v token, word string) bool {
	return v.kind == text && string(r.short(v)) == word
}

// bound reads a whole number that is a bound, -1 if there is none.
func (r *reader) bound(v token) int64 {
	if v.kind != numeric {
		return -1
	}
	n := int64(0)
	for _, c := range r.data[v.start:v.end] {
		if !isDigit(c) || n > 1<<40 {
			return -1
		}
		n = 10*n + int64(c-'0')
	}
	return n
}

// noteTool notes a member of a tool.
func (r *reader) noteTool(at place, v token, f *toolFrame) error {
	switch at {
	case toolType:
		f.kind = v
	case toolModel:
		f.model = v
		return r.secondModel(at, v)
	case toolUses:
		f.maxUses = v
	case toolTokens:
		f.maxTokens = v
	case toolExecution:
		f.execution = v
	case toolFunction, toolParameters:
		f.described = f.described || v.kind == object
	case toolForeign:
		f.foreign = true
	case toolEnvironment:
		f.local = v.kind == object && bytes.Contains(r.data[v.start:v.end], []byte(`"local"`)) &&
			!bytes.Contains(r.data[v.start:v.end], []byte("container"))
	}
	return nil
}

// plugin notes an OpenRouter plugin once all its members are read.
func (r *reader) plugin(f *toolFrame) error {
	id, _ := r.optional(f.kind)
	switch id {
	case "web", "file-parser", "response-healing", "context-compression", "moderation":
	default: // the auto router, fusion and future plugins choose models
		r.e.Demands.Chooses = "plugins"
	}
	return r.e.Demands.addTool(Tool{Param: "plugins", Type: "plugin:" + id, MaxUses: -1, MaxTokens: -1})
}

// googleTool notes a member of a Gemini tool: Google runs all except functions and computer use.
func (r *reader) googleTool(name string, v token) error {
	if v.kind == null {
		return nil
	}
	return r.e.Demands.addTool(Tool{Param: "tools", Type: name, MaxUses: -1, MaxTokens: -1})
}

// switchOn notes a field at the top of a body that turns a hosted tool on.
func (r *reader) switchOn(param string, v token) error {
	switch v.kind {
	case null:
		return nil
	case boolean:
		if r.data[v.start] == 'f' {
			return nil
		}
	case array:
		if s := (scanner{data: r.data, pos: v.start + 1}); s.space() == ']' {
			return nil
		}
	}
	return r.e.Demands.addTool(Tool{Param: param, Type: param, MaxUses: -1, MaxTokens: -1})
}

// secondModel notes a second model that the body names.
func (r *reader) secondModel(at place, v token) error {
	if v.kind != text {
		return nil
	}
	name, ok := r.decode(v)
	param := modelParams[at]
	switch {
	case !ok:
		return invalid(param, "`%s` has broken Unicode.", param)
	case at == fallbackModels && name == "default":
		r.e.Demands.Chooses = param
		return nil
	}
	return r.e.Demands.addModel(param, name)
}

// modelParams are the fields that name second models, by place.
var modelParams = map[place]string{
	fallbackModels: "fallbacks", routeModels: "models", toolModel: "tools", toolModels: "tools",
	pluginModel: "plugins", moderationModel: "moderation", routing: "generationConfig.routingConfig",
}

// ownSettings notes how an entry of fallbacks differs from the request.
func (r *reader) ownSettings(at place, v token) {
	if v.kind == null {
		return
	}
	switch at {
	case fallbackCap:
		r.e.Demands.OwnCap = "fallbacks"
	case fallbackSpeed:
		if !r.is(v, "standard") {
			r.e.Demands.OwnSpeed = "fallbacks"
		}
	}
}

// demandPlace returns the place of the value under key in a tool, an entry of fallbacks, a plugin or moderation settings.
// ok is false elsewhere: these objects are alike in all dialects, the others are read as the dialect has them.
func demandPlace(at place, key []byte) (p place, ok bool) {
	switch at {
	case tool:
		return toolPlace(key), true
	case toolFunction:
		return free, true
	case toolInside, toolParameters, toolEnvironment, toolModels:
		switch string(key) {
		case "model", "models":
			return toolModels, true
		}
		return toolInside, true
	case fallbackModels:
		return fallbackPlace(key), true
	case plugin:
		if string(key) == "id" {
			return pluginID, true
		}
		return pluginPlace(key), true
	case pluginInside:
		return pluginPlace(key), true
	case moderation:
		if string(key) == "model" {
			return moderationModel, true
		}
		return elsewhere, true
	}
	return elsewhere, false
}

func fallbackPlace(key []byte) place {
	switch string(key) {
	case "max_tokens", "max_completion_tokens", "max_output_tokens":
		return fallbackCap
	case "speed":
		return fallbackSpeed
	case "messages":
		return part
	case "thinking", "output_config", "provider":
		return elsewhere
	}
	return fallbackModels
}

func pluginPlace(key []byte) place {
	if bytes.Contains(key, []byte("model")) {
		return pluginModel
	}
	return pluginInside
}

func toolPlace(key []byte) place {
	switch string(key) {
	case "type":
		return toolType
	case "model":
		return toolModel
	case "models":
		return toolModels
	case "max_uses":
		return toolUses
	case "max_tokens":
		return toolTokens
	case "execution":
		return toolExecution
	case "environment":
		return toolEnvironment
	case "parameters":
		return toolParameters
	case "function", "input_schema":
		return toolFunction
	case "tools":
		return tool
	case "name", "description", "format", "input_examples", "filters", "headers", "allowed_tools", "defer_loading", "cache_control":
		return free
	case "google_search", "googleSearch", "google_search_retrieval", "googleSearchRetrieval", "google_maps", "googleMaps",
		"code_execution", "codeExecution", "url_context", "urlContext", "enterprise_web_search", "enterpriseWebSearch",
		"fileSearch", "retrieval":
		return toolForeign
	}
	return toolInside
}
