package project

import (
	"net/url"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/wire"
)

// Vendor is a built-in provider, with all facts about it.
type Vendor struct {
	Name        string
	Dialect     wire.Dialect
	BaseURL     string // as the vendor's own SDK takes it
	KeyVariable string // the environment variable of its API key, in its documentation
	PriceData   string // its id in the price data, see internal/price/generate
	KeysPage    string // where its keys are made
	BillingPage string // where its credit is bought

	// Models are prefixes of its models' names that no other vendor's names have; # stands for a digit. Names in the price
	// book need no prefix here.
	Models []string
	// Families are the model families of its names, for the labels of metrics. Of several prefixes the first counts.
	Families []Family

	// Example is a cheap chat model for a first request. The template starter allows Cheap and Dear.
	Example, Cheap, Dear string

	Quirks Quirks

	KeyStarts []string // the beginnings of its API keys
	keyMark   string   // a text inside each of its keys, whatever the key starts with; "" if there is none
	keysKnown bool     // all its keys have a shape of their own, so that a plain sk- key is another vendor's
}

// Family is a prefix of models' names, in which # stands for a digit, and their family.
type Family struct{ Prefix, Name string }

// Quirks are a vendor's differences from its dialect. The zero value fits an unknown server.
type Quirks struct {
	CompletionCap      bool // chat completions obey max_completion_tokens; other servers may only know max_tokens
	NoStreamOptions    bool // refuses stream_options, and sends the usage of streams anyway
	CountsToolCalls    bool // responses are known to obey max_tool_calls
	ModerationsAreFree bool
	CollectionNames    bool // accepts names with models/ before them, also in its OpenAI-compatible API
}

// vendors are the built-in providers. A vendor never gets an API key that begins like another vendor's keys.
var vendors = []Vendor{
	{
		Name:        "openai",
		Dialect:     wire.OpenAI,
		BaseURL:     "https://api.openai.com/v1",
		KeyVariable: "OPENAI_API_KEY",
		PriceData:   "openai",
		KeysPage:    "https://platform.openai.com/api-keys",
		BillingPage: "https://platform.openai.com/settings/organization/billing",
		Models: []string{"gpt-", "chatgpt-", "o#", "text-embedding-", "omni-moderation-", "dall-e-", "gpt-image-", "sora-", "whisper-",
			"tts-", "text-moderation-", "codex-", "computer-use-"},
		Families: []Family{
			{"gpt-image", "image"}, {"gpt-4o-transcribe", "audio"}, {"gpt-4o-mini-transcribe", "audio"}, {"gpt-4o-mini-tts", "audio"},
			{"gpt-transcribe", "audio"}, {"chatgpt-image", "image"},
			{"gpt", "gpt"}, {"chatgpt", "gpt"}, {"codex", "gpt"}, {"computer-use", "gpt"}, {"ft:gpt", "gpt"}, {"o#", "o"},
			{"text-embedding", "embedding"}, {"omni-moderation", "moderation"}, {"text-moderation", "moderation"},
			{"dall-e", "image"}, {"sora", "image"}, {"whisper", "audio"}, {"tts", "audio"},
		},
		Example: "gpt-4o-mini", Cheap: "gpt-4o-mini", Dear: "gpt-4o",
		Quirks:    Quirks{CompletionCap: true, CountsToolCalls: true, ModerationsAreFree: true},
		KeyStarts: []string{"sk-proj-", "sk-svcacct-", "sk-admin-"},
		keyMark:   "T3BlbkFJ", // "OpenAI" in base64
	},
	{
		Name:        "anthropic",
		Dialect:     wire.Anthropic,
		BaseURL:     "https://api.anthropic.com",
		KeyVariable: "ANTHROPIC_API_KEY",
		PriceData:   "anthropic",
		KeysPage:    "https://console.anthropic.com/settings/keys",
		BillingPage: "https://console.anthropic.com/settings/billing",
		Models:      []string{"claude-"},
		Families:    []Family{{"claude", "claude"}},
		Example:     "claude-haiku-4-5", Cheap: "claude-haiku-4-5", Dear: "claude-sonnet-5",
		KeyStarts: []string{"sk-ant-"},
		keysKnown: true,
	},
	{
		Name:        "google",
		Dialect:     wire.Gemini,
		BaseURL:     "https://generativelanguage.googleapis.com",
		KeyVariable: "GEMINI_API_KEY",
		PriceData:   "google",
		KeysPage:    "https://aistudio.google.com/apikey",
		BillingPage: "https://console.cloud.google.com/billing",
		Models:      []string{"gemini-", "gemma-", "imagen-", "veo-", "lyria-"},
		Families: []Family{
			{"gemini-embedding", "embedding"}, {"gemini", "gemini"}, {"gemma", "gemma"}, {"imagen", "image"}, {"veo", "image"},
		},
		Example: "gemini-2.5-flash", Cheap: "gemini-2.5-flash", Dear: "gemini-2.5-pro",
		Quirks:    Quirks{CollectionNames: true},
		KeyStarts: []string{"AIza", "AQ."},
		keysKnown: true,
	},
	{
		Name:        "xai",
		Dialect:     wire.OpenAI,
		BaseURL:     "https://api.x.ai/v1",
		KeyVariable: "XAI_API_KEY",
		PriceData:   "x-ai",
		KeysPage:    "https://console.x.ai",
		BillingPage: "https://console.x.ai",
		Models:      []string{"grok-"},
		Families:    []Family{{"grok", "grok"}},
		Example:     "grok-4.3", Cheap: "grok-build-0.1", Dear: "grok-4.3",
		Quirks:    Quirks{CompletionCap: true},
		KeyStarts: []string{"xai-"},
		keysKnown: true,
	},
	{
		Name:        "mistral",
		Dialect:     wire.OpenAI,
		BaseURL:     "https://api.mistral.ai/v1",
		KeyVariable: "MISTRAL_API_KEY",
		PriceData:   "mistral",
		KeysPage:    "https://console.mistral.ai/api-keys",
		BillingPage: "https://console.mistral.ai/billing",
		Models:      []string{"mistral-", "ministral-", "codestral-", "pixtral-", "magistral-", "open-mistral-", "open-mixtral-", "labs-"},
		Families: []Family{
			{"mistral-embed", "embedding"}, {"mistral-moderation", "moderation"}, {"codestral-embed", "embedding"},
			{"mistral", "mistral"}, {"ministral", "mistral"}, {"codestral", "mistral"}, {"pixtral", "mistral"}, {"magistral", "mistral"},
			{"devstral", "mistral"}, {"open-mi", "mistral"}, {"mixtral", "mistral"}, {"labs-devstral", "mistral"}, {"voxtral", "audio"},
			{"zai-glm", "glm"},
		},
		Example: "mistral-small-latest", Cheap: "mistral-small-latest", Dear: "mistral-large-latest",
		Quirks: Quirks{NoStreamOptions: true},
	},
	{
		Name:        "deepseek",
		Dialect:     wire.OpenAI,
		BaseURL:     "https://api.deepseek.com/v1",
		KeyVariable: "DEEPSEEK_API_KEY",
		PriceData:   "deepseek",
		KeysPage:    "https://platform.deepseek.com/api_keys",
		BillingPage: "https://platform.deepseek.com/top_up",
		Models:      []string{"deepseek-"},
		Families:    []Family{{"deepseek", "deepseek"}},
		Example:     "deepseek-chat", Cheap: "deepseek-v4-flash", Dear: "deepseek-v4-pro",
	},
}

// foreignKeys are the beginnings of keys of well-known vendors that are not built in.
var foreignKeys = []string{"gsk_", "sk-or-", "pplx-", "hf_", "fw_", "nvapi-", "csk-", "tgp_", "r8_", "esecret_"}

// Vendors returns the built-in providers.
func Vendors() []Vendor { return slices.Clone(vendors) }

// VendorOf returns the built-in provider of that name.
func VendorOf(name string) (Vendor, bool) {
	for i := range vendors {
		if vendors[i].Name == name {
			return vendors[i], true
		}
	}
	return Vendor{}, false
}

// VendorFor returns the name of the built-in provider whose prefixes a model's normalized name has, or "".
func VendorFor(model string) string {
	for i := range vendors {
		for _, prefix := range vendors[i].Models {
			if HasPrefix(model, prefix) {
				return vendors[i].Name
			}
		}
	}
	return ""
}

// Native returns the name of the first built-in provider that speaks a dialect.
func Native(d wire.Dialect) string {
	return vendors[slices.IndexFunc(vendors, func(v Vendor) bool { return v.Dialect == d })].Name
}

// HasPrefix reports whether a model's name begins with a prefix of a Vendor, in which # stands for a digit.
func HasPrefix(model, prefix string) bool {
	if len(model) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if c := model[i]; c != prefix[i] && !(prefix[i] == '#' && '0' <= c && c <= '9') {
			return false
		}
	}
	return true
}

// Quirks returns the quirks of the provider's vendor.
func (p *Provider) Quirks() Quirks {
	v, _ := VendorOf(p.Vendor)
	return v.Quirks
}

// KeyOwner returns the owner of an API key by its shape: a built-in provider's name, "other" for a vendor that is not
// built in, or "" if the shape does not show the owner.
func KeyOwner(key string) string {
	begins := func(start string) bool { return strings.HasPrefix(key, start) }
	for i := range vendors {
		if slices.ContainsFunc(vendors[i].KeyStarts, begins) {
			return vendors[i].Name
		}
	}
	if slices.ContainsFunc(foreignKeys, begins) {
		return "other"
	}
	for i := range vendors {
		if mark := vendors[i].keyMark; mark != "" && strings.Contains(key, mark) {
			return vendors[i].Name
		}
	}
	return ""
}

// KeyFits reports whether an API key, by its shape, can be one of the built-in provider of that name.
func KeyFits(key, name string) bool {
	if strings.HasPrefix(key, "eyJ") { // a JWT from an identity provider: no vendor's keys are JWTs
		return false
	}
	owner := KeyOwner(key)
	vendor, _ := VendorOf(name)
	return owner == name || owner == "" && !(vendor.keysKnown && strings.HasPrefix(key, "sk-"))
}

// vendorAt returns the built-in provider whose server a base URL names, or "".
func vendorAt(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	for _, v := range vendors {
		if own, err := url.Parse(v.BaseURL); err == nil && strings.EqualFold(own.Host, u.Host) {
			return v.Name
		}
	}
	return ""
}

func vendorNames() string {
	names := make([]string, len(vendors))
	for i, v := range vendors {
		names[i] = v.Name
	}
	return strings.Join(names, ", ")
}
