package provider

import "strings"

// Families are the values of [Family]: few enough to be the label of a metric.
var Families = []string{"gpt", "o", "embedding", "moderation", "image", "audio", "claude", "gemini", "gemma",
	"grok", "mistral", "deepseek", "glm", "llama", "qwen", "other"}

// families are prefixes of known models' names. The first match counts.
var families = []struct{ prefix, family string }{
	{"gpt-image", "image"}, {"gpt-4o-transcribe", "audio"}, {"gpt-4o-mini-transcribe", "audio"}, {"gpt-4o-mini-tts", "audio"},
	{"gpt-transcribe", "audio"}, {"chatgpt-image", "image"},
	{"gpt", "gpt"}, {"chatgpt", "gpt"}, {"codex", "gpt"}, {"computer-use", "gpt"}, {"ft:gpt", "gpt"},
	{"claude", "claude"},
	{"gemini-embedding", "embedding"}, {"gemini", "gemini"}, {"gemma", "gemma"},
	{"grok", "grok"},
	{"mistral-embed", "embedding"}, {"mistral-moderation", "moderation"}, {"codestral-embed", "embedding"},
	{"mistral", "mistral"}, {"ministral", "mistral"}, {"codestral", "mistral"}, {"pixtral", "mistral"}, {"magistral", "mistral"}, {"devstral", "mistral"},
	{"open-mi", "mistral"}, {"mixtral", "mistral"}, {"labs-devstral", "mistral"}, {"voxtral", "audio"},
	{"zai-glm", "glm"}, {"glm", "glm"},
	{"deepseek", "deepseek"}, {"llama", "llama"}, {"meta-llama", "llama"}, {"qwen", "qwen"},
	{"text-embedding", "embedding"}, {"omni-moderation", "moderation"}, {"text-moderation", "moderation"},
	{"dall-e", "image"}, {"imagen", "image"}, {"sora", "image"}, {"veo", "image"},
	{"whisper", "audio"}, {"tts", "audio"},
}

// Family is the family of a model by its name, one of [Families]: "other" for any unknown name, ""
// for none. In a name with slashes, as on OpenRouter, the last part counts.
func Family(model string) string {
	model = strings.TrimSpace(model)
	if model == "" {
		return ""
	}
	model = model[strings.LastIndexByte(model, '/')+1:]
	if len(model) >= 2 && (model[0] == 'o' || model[0] == 'O') && '0' <= model[1] && model[1] <= '9' {
		return "o"
	}
	for _, f := range families {
		if len(model) >= len(f.prefix) && strings.EqualFold(model[:len(f.prefix)], f.prefix) {
			return f.family
		}
	}
	return "other"
}
