package wire

import "strings"

// feature is a vendor's feature that the gateway does not serve.
type feature struct {
	dialect Dialect
	path    string // plain, without the version; "*" stands for one segment, or for the model of an action
	name    string // follows "does not serve" in the message
	because reason
}

// reason says why a feature is not served, and names the remedy.
type reason string

const (
	ofTheAccount reason = "That belongs to the account of the app's developer, which its users must not reach. It is not planned: " +
		"let your server call the provider."
	afterwards reason = "The answer comes after the request has ended, so that no limit could count it. It is not planned: " +
		"let your server call the provider."
	uncounted reason = "No limit could count its use. It is not planned: let your server call the provider."
	live      reason = "One connection there makes many requests, which limits cannot count yet. It is planned."

	toResponses    reason = "The vendor has retired it. Use POST /v1/responses."
	toMessages     reason = "The vendor has retired it. Use POST /v1/messages."
	toEdits        reason = "The vendor has retired it. Use POST /v1/images/edits."
	toGenerate     reason = "The vendor has retired it. Use POST /v1beta/models/{model}:generateContent."
	toImages       reason = "Use POST /v1/images/generations with the same model."
	toCountTokens  reason = "Use POST /v1beta/models/{model}:countTokens."
	toEmbedContent reason = "The vendor has retired it. Use POST /v1beta/models/{model}:embedContent."
	inPlan         reason = "Limits cannot count it yet. It is planned; until then use POST /v1beta/models/{model}:generateContent."
)

// features are the features that the vendors' SDKs can request and the gateway does not serve. A path covers every path
// below it; the first match counts.
var features = []feature{
	{OpenAI, "files", "files", ofTheAccount},
	{OpenAI, "uploads", "uploads", ofTheAccount},
	{OpenAI, "vector_stores", "vector stores", ofTheAccount},
	{OpenAI, "containers", "containers", ofTheAccount},
	{OpenAI, "conversations", "stored conversations", ofTheAccount},
	{OpenAI, "skills", "skills", ofTheAccount},
	{OpenAI, "agents", "hosted agents", ofTheAccount},
	{OpenAI, "vaults", "vaults", ofTheAccount},
	{OpenAI, "evals", "evals", ofTheAccount},
	{OpenAI, "fine_tuning", "fine-tuning jobs", ofTheAccount},
	{OpenAI, "fine_tunes", "fine-tuning jobs", ofTheAccount},
	{OpenAI, "fine-tunes", "fine-tuning jobs", ofTheAccount},
	{OpenAI, "chatkit", "ChatKit sessions", ofTheAccount},
	{OpenAI, "organization", "organization settings", ofTheAccount},
	{OpenAI, "projects", "project settings", ofTheAccount},
	{OpenAI, "dashboard/billing", "billing pages", ofTheAccount},
	{OpenAI, "webhook_endpoints", "webhooks", ofTheAccount},
	{OpenAI, "webhook_event_types", "webhooks", ofTheAccount},
	{OpenAI, "safety", "safety cases", ofTheAccount},
	{OpenAI, "audio/voices", "custom voices", ofTheAccount},
	{OpenAI, "audio/voice_consents", "custom voices", ofTheAccount},
	{OpenAI, "batches", "the Batch API", afterwards},
	{OpenAI, "videos", "video generation", afterwards},
	{OpenAI, "realtime", "the Realtime API", live},
	{OpenAI, "live", "the Live API", live},
	{OpenAI, "assistants", "the Assistants API", toResponses},
	{OpenAI, "threads", "the Assistants API (threads)", toResponses},
	{OpenAI, "engines", "the engines API", toResponses},
	{OpenAI, "edits", "the edits API", toResponses},
	{OpenAI, "images/variations", "image variations", toEdits},
	{OpenAI, "content_provenance_checks", "provenance checks", uncounted},
	{OpenAI, "decisions", "decisions", uncounted},
	{OpenAI, "rerank", "reranking", uncounted},
	{OpenAI, "ocr", "OCR", uncounted},
	{OpenAI, "fim/completions", "fill-in-the-middle completion", uncounted},
	{OpenAI, "classifications", "classification", uncounted},

	{Anthropic, "messages/batches", "the Message Batches API", afterwards},
	{Anthropic, "complete", "the text completions API", toMessages},
	{Anthropic, "organizations", "organization settings", ofTheAccount},
	{Anthropic, "user_profiles", "user profiles", ofTheAccount},
	{Anthropic, "environments", "agents' environments", ofTheAccount},
	{Anthropic, "sessions", "agents' sessions", ofTheAccount},
	{Anthropic, "deployments", "agents' deployments", ofTheAccount},
	{Anthropic, "deployment_runs", "agents' deployments", ofTheAccount},
	{Anthropic, "memory_stores", "memory stores", ofTheAccount},
	{Anthropic, "dreams", "memory stores", ofTheAccount},
	{Anthropic, "tunnels", "tunnels", ofTheAccount},

	{Gemini, "upload", "uploads", ofTheAccount},
	{Gemini, "cachedcontents", "cached contents", ofTheAccount},
	{Gemini, "tunedmodels", "tuned models", ofTheAccount},
	{Gemini, "tuningjobs", "tuning jobs", ofTheAccount},
	{Gemini, "corpora", "corpora", ofTheAccount},
	{Gemini, "filesearchstores", "file search stores", ofTheAccount},
	{Gemini, "batchpredictionjobs", "batch jobs", afterwards},
	{Gemini, "operations", "long-running operations", afterwards},
	{Gemini, "models/*/operations", "long-running operations", afterwards},
	{Gemini, "auth_tokens", "tokens of the Live API", live},
	{Gemini, "ws", "the Live API", live},
	{Gemini, "models/*:bidigeneratecontent", "the Live API", live},
	{Gemini, "interactions", "the Interactions API", inPlan},
	{Gemini, "models/*:batchgeneratecontent", "batch mode", afterwards},
	{Gemini, "models/*:asyncbatchembedcontent", "batch mode", afterwards},
	{Gemini, "models/*:predictlongrunning", "video generation", afterwards},
	{Gemini, "models/*:predict", "the predict method", toImages},
	{Gemini, "models/*:computetokens", "the computeTokens method", toCountTokens},
	{Gemini, "models/*:generateanswer", "the generateAnswer method", toGenerate},
	{Gemini, "models/*:generatetext", "the generateText method", toGenerate},
	{Gemini, "models/*:generatemessage", "the generateMessage method", toGenerate},
	{Gemini, "models/*:embedtext", "the embedText method", toEmbedContent},
	{Gemini, "models/*:batchembedtext", "the batchEmbedText method", toEmbedContent},
}

// stored are features at paths below an endpoint's: stored objects by their id.
var stored = []feature{
	{OpenAI, "responses/*", "stored responses", ofTheAccount},
	{OpenAI, "chat/completions/*", "stored chat completions", ofTheAccount},
	{OpenAI, "models/*", "the deletion of models", ofTheAccount},
}

// explain is the message about a requested feature.
func (f feature) explain(asked string) string {
	return "AI Ratelimit does not serve " + f.name + " (" + asked + "). " + string(f.because)
}

// featureAt finds the feature of a plain path without its version, in features or stored.
func featureAt(list []feature, tail string) (feature, bool) {
	for _, f := range list {
		if covers(f.path, tail) {
			return f, true
		}
	}
	return feature{}, false
}

// covers reports whether tail is a feature's path or below it.
func covers(pattern, tail string) bool {
	for pattern != "" {
		want, moreWanted, _ := strings.Cut(pattern, "/")
		have, more, _ := strings.Cut(tail, "/")
		if !coversSegment(want, have) {
			return false
		}
		pattern, tail = moreWanted, more
	}
	return true
}

// coversSegment compares a segment of a feature's path with a requested one. A Google action, as in "files:register",
// counts as below the collection. A model with an action is not the model itself.
func coversSegment(want, have string) bool {
	of, action, acts := strings.Cut(have, ":")
	wanted, isAction := strings.CutPrefix(want, "*:")
	switch {
	case of == "":
		return false
	case isAction:
		return action == wanted
	case want == "*":
		return !acts || of == "ft" // a fine-tuned model's name
	default:
		return want == of
	}
}
