package live

// advice is what to do about a refused request, by its code. It repeats docs/errors.md in a sentence, and nothing that the
// request holds.
var advice = map[string]string{
	"invalid_request":       "The body or a header cannot be read, or has a value that is not allowed. The answer names the field.",
	"unsupported_parameter": "A parameter asks for something that cannot be counted. Leave it out.",
	"unbounded_cost":        "A hosted tool with a fee has no bound. Set max_uses or max_tool_calls.",
	"unknown_system_prompt": "The project has no stored prompt of this name.",
	"unsupported_endpoint":  "The path or the method is not served. The answer names the base URL to set.",
	"request_too_large":     "The body is larger than MAX_BODY_MB.",
	"secret_key_in_app":     "The request carries a secret key (sk_…), which belongs on a server. Make a new one, and put the pk_… into the app.",
	"missing_provider_key":  "The project has no key for the provider, and the app sent none. Store a key, or use the provider echo.",
	"key_provider_mismatch": "The provider's key that the app sent is another vendor's.",
	"missing_identity":      "Name the end user: -H 'x-identity: me'.",
	"invalid_identity":      "The header x-identity has a value that cannot be a name.",
	"identity_unverified":   "The project asks for verified users.",
	"identity_disabled":     "This user has been disabled.",
	"unknown_tier":          "The project has no such tier, and rejects unknown ones.",
	"origin_not_allowed":    "Add the page's origin to allowedOrigins.",
	"unknown_model":         "No provider is known for the model. Check its name, or send x-provider.",
	"model_not_allowed":     "Add the model to allowedModels.",
	"unpriced_model":        "A cost limit applies, and the model has no price. Set one in prices.",
	"security_blocked":      "The guard has blocked the request.",
	"limit_exceeded":        "The user has reached a limit.",
	"burst_exceeded":        "More requests a minute than requestsPerMinute allows.",
	"concurrency_exceeded":  "More requests at once than concurrentRequests allows.",
}

// Advice returns what to do about a refused request.
func Advice(code string) string {
	if text := advice[code]; text != "" {
		return text
	}
	return "The answer says what to change. docs/errors.md explains the code."
}
