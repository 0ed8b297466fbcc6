package wire

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParse_refusesBackgroundResponses(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"model":"m","background":true}`, `{"model":"m","stream":true,"b\u0061ckground":true}`,
	} {
		_, err := Parse(at(t, responses), "", []byte(body))
		refusal, ok := errors.AsType[*Error](err)
		if !ok || refusal.Status != http.StatusBadRequest || refusal.Code != "unsupported_parameter" || refusal.Param != "background" {
			t.Errorf("Parse(%s) = %v; want 400 unsupported_parameter for background", body, err)
		}
	}
	refuse(t, responses, `{"model":"m","background":false,"background":true}`, "background", "more than once")
	refuse(t, responses, `{"model":"m","Background":true}`, "background", "letter case")
	accept(t, responses, `{"model":"m","background":false}`)
	accept(t, responses, `{"model":"m","background":null}`)
	if _, err := Parse(at(t, chat), "", []byte(`{"model":"grok-4","deferred":true}`)); err == nil || !strings.Contains(err.Error(), "unsupported_parameter") {
		t.Errorf("a deferred completion: %v, want unsupported_parameter", err)
	}
	accept(t, chat, `{"model":"grok-4","deferred":false}`)
	// An image's background is not the Responses field.
	accept(t, "/v1/images/generations", `{"model":"gpt-image-2","prompt":"x","background":"transparent"}`)
}

// hosted is a tool that gives no bounds.
func hosted(param, kind string) Tool {
	return Tool{Param: param, Type: kind, MaxUses: -1, MaxTokens: -1}
}

func TestParse_findsHostedTools(t *testing.T) {
	t.Parallel()
	tools := func(s string) string { return `{"model":"m","tools":[` + s + `]}` }
	for _, c := range []struct {
		name, path, body string
		want             []Tool
	}{
		{"Functions", chat, tools(`{"type":"function","function":{"name":"f","parameters":{"type":"object"}}},{"type":"custom","custom":{}}`), nil},
		{"ClientTools", responses, tools(`{"type":"computer"},{"type":"computer_use_preview"},{"type":"local_shell"},{"type":"apply_patch"},{"type":"shell","environment":{"type":"local"}},{"type":"tool_search","execution":"client"}`), nil},
		{"AnthropicClientTools", messages, tools(`{"name":"f","input_schema":{}},{"type":"bash_20250124","name":"bash"},{"type":"text_editor_20250728"},{"type":"computer_20251124"},{"type":"memory_20250818"},{"type":"browser_toolset_20260801"},{"type":"computer_toolset_20260801"}`), nil},
		{"Namespace", responses, tools(`{"type":"namespace","name":"n","tools":[{"type":"function","name":"f"}]}`), nil},
		{"HostedInANamespace", responses, tools(`{"type":"namespace","tools":[{"type":"web_search"}]}`), []Tool{hosted("tools", "web_search")}},
		{"HostedShell", responses, tools(`{"type":"shell","environment":{"type":"container_auto"}}`), []Tool{hosted("tools", "shell")}},
		{"ShellOfNoEnvironment", responses, tools(`{"type":"shell"}`), []Tool{hosted("tools", "shell")}},
		{"ImageBesideAnother", responses, tools(`{"type":"image_generation","model":"gpt-image-2"},{"type":"image_generation"}`), []Tool{{"tools", "image_generation", "gpt-image-2", true, -1, -1}, hosted("tools", "image_generation")}},
		{"ModelInSettings", chat, tools(`{"type":"openrouter:advisor","parameters":{"model":"a"}}`), []Tool{{"tools", "openrouter:advisor", "", true, -1, -1}}},
		{"WebSearch", responses, tools(`{"type":"web_search"},{"type":"web_search_preview_2025_03_11"}`), []Tool{hosted("tools", "web_search"), hosted("tools", "web_search_preview_2025_03_11")}},
		{"Image", responses, tools(`{"type":"image_generation","model":"gpt-image-2"}`), []Tool{{"tools", "image_generation", "gpt-image-2", true, -1, -1}}},
		{"Searching", chat, `{"model":"m","enable_search":true,"Search_Options":{},"web_search":false,"search_mode":null,"x":{"search":true}}`, []Tool{hosted("enable_search", "enable_search"), hosted("Search_Options", "Search_Options")}},
		{"Unknown", responses, tools(`{"type":"teleport"}`), []Tool{hosted("tools", "teleport")}},
		{"TypeNoString", responses, tools(`{"type":{}}`), []Tool{hosted("tools", "")}},
		{"NoType", chat, tools(`{"google_search":{}}`), []Tool{hosted("tools", "")}},
		{"NoTypeButAFunction", chat, tools(`{"function":{"name":"f"}}`), nil},
		{"GooglesBesideAFunction", chat, tools(`{"function":{"name":"f"},"google_search":{}}`), []Tool{hosted("tools", "")}},
		{"NamedOnly", chat, tools(`"web_search"`), []Tool{hosted("tools", "web_search")}},
		{"BuiltinFunction", chat, tools(`{"type":"builtin_function","function":{"name":"$web_search"}}`), []Tool{hosted("tools", "builtin_function")}},
		{"Added", responses, `{"model":"m","input":[{"type":"additional_tools","role":"developer","tools":[{"type":"code_interpreter"}]}]}`, []Tool{hosted("tools", "code_interpreter")}},
		{"MCPListing", responses, `{"model":"m","input":[{"type":"mcp_list_tools","tools":[{"name":"f","input_schema":{}}]}]}`, nil},
		{"Anthropic", messages, tools(`{"type":"web_search_20260318","name":"web_search","max_uses":3}`), []Tool{{"tools", "web_search_20260318", "", false, 3, -1}}},
		{"AnthropicUsesNull", messages, tools(`{"type":"web_fetch_20260318","max_uses":null}`), []Tool{hosted("tools", "web_fetch_20260318")}},
		{"Advisor", messages, tools(`{"type":"advisor_20260301","model":"claude-opus-4-8","max_uses":2,"max_tokens":2048}`), []Tool{{"tools", "advisor_20260301", "claude-opus-4-8", true, 2, 2048}}},
		{"MCPServers", messages, `{"model":"m","mcp_servers":[{"type":"url","url":"https://example.com"}]}`, []Tool{hosted("mcp_servers", "mcp_servers")}},
		{"NoMCPServers", messages, `{"model":"m","mcp_servers":[]}`, nil},
		{"SearchModel", chat, `{"model":"gpt-4o-search-preview","web_search_options":{}}`, []Tool{hosted("web_search_options", "web_search_options")}},
		{"NoSearch", chat, `{"model":"m","web_search_options":null}`, nil},
		{"LiveSearch", chat, `{"model":"grok-4","search_parameters":{"mode":"on"}}`, []Tool{hosted("search_parameters", "search_parameters")}},
		{"Plugin", chat, `{"model":"m","plugins":[{"id":"web","max_results":3}]}`, []Tool{hosted("plugins", "plugin:web")}},
		{"InExtraBody", chat, `{"model":"m","extra_body":{"web_search_options":{}}}`, []Tool{hosted("web_search_options", "web_search_options")}},
		{"Gemini", generate, `{"tools":[{"functionDeclarations":[]},{"googleSearch":{}},{"code_execution":{}},{"url_context":null}]}`, []Tool{hosted("tools", "googleSearch"), hosted("tools", "code_execution")}},
		{"GeminiComputer", generate, `{"tools":[{"computerUse":{}}]}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, accept(t, c.path, c.body).Demands.Tools); diff != "" {
				t.Errorf("tools (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParse_findsSecondModels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, path, body string
		want             []Named
		chooses          string
	}{
		{"None", chat, `{"model":"m","messages":[{"model":"x"}],"metadata":{"fallbacks":["x"]}}`, nil, ""},
		{"Fallbacks", messages, `{"model":"m","fallbacks":[{"model":"a"},{"model":"b","max_tokens":5}]}`, []Named{{"fallbacks", "a"}, {"fallbacks", "b"}}, ""},
		{"FallbacksByChoice", messages, `{"model":"m","fallbacks":"default"}`, nil, "fallbacks"},
		{"FallbacksByChoiceInAList", messages, `{"model":"m","fallbacks":["default"]}`, nil, "fallbacks"},
		{"FallbacksOfAGateway", chat, `{"model":"m","fallbacks":["a",{"m":["b"]}]}`, []Named{{"fallbacks", "a"}, {"fallbacks", "b"}}, ""},
		{"FallbacksInGemini", generate, `{"fallbacks":[{"model":"a"},"b"]}`, []Named{{"fallbacks", "a"}, {"fallbacks", "b"}}, ""},
		{"FallbacksEscaped", messages, `{"model":"m","f\u0061llbacks":[{"m\u006fdel":"\u0061"}]}`, []Named{{"fallbacks", "a"}}, ""},
		{"OpenRouter", chat, `{"model":"m","models":["a/b","c/d"],"route":"fallback"}`, []Named{{"models", "a/b"}, {"models", "c/d"}}, ""},
		{"ImageTool", responses, `{"model":"m","tools":[{"type":"image_generation","model":"gpt-image-2"}]}`, []Named{{"tools", "gpt-image-2"}}, ""},
		{"Advisor", messages, `{"model":"m","tools":[{"type":"advisor_20260301","model":"a"}]}`, []Named{{"tools", "a"}}, ""},
		{"SettingsOfATool", chat, `{"model":"m","tools":[{"type":"openrouter:advisor","parameters":{"model":"a","models":["b"]}}]}`, []Named{{"tools", "a"}, {"tools", "b"}}, ""},
		{"SchemaOfAFunction", chat, `{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":{"default":{"model":"x"}}}}]}`, nil, ""},
		{"Plugins", chat, `{"model":"m","plugins":[{"id":"fusion","model":"a","analysis_models":["b"]}]}`, []Named{{"plugins", "a"}, {"plugins", "b"}}, "plugins"},
		{"PluginWithoutModels", chat, `{"model":"m","plugins":[{"id":"web"}]}`, nil, ""},
		{"Moderation", responses, `{"model":"m","moderation":{"model":"omni-moderation-latest"}}`, []Named{{"moderation", "omni-moderation-latest"}}, ""},
		{"GoogleRouting", generate, `{"generationConfig":{"routingConfig":{"autoMode":{}}}}`, nil, "generationConfig.routingConfig"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := accept(t, c.path, c.body).Demands
			if diff := cmp.Diff(c.want, got.Models); diff != "" || got.Chooses != c.chooses {
				t.Errorf("chooses %q, want %q; models (-want +got):\n%s", got.Chooses, c.chooses, diff)
			}
		})
	}
	refuse(t, chat, `{"model":"m","models":["a\u200bb"]}`, "models", "not printable")
	refuse(t, chat, "{\"model\":\"m\",\"models\":[\"a\u2800\"]}", "models", "not printable")
	refuse(t, chat, `{"model":"m","models":[""]}`, "models", "empty")
	refuse(t, chat, `{"model":"m","models":[`+strings.Repeat(`"a",`, maxDemands)+`"a"]}`, "models", "more than")
}

func TestParse_refusesModelsThatAreNoNames(t *testing.T) {
	t.Parallel()
	refuse(t, chat, `{"model":"m","models":[{"model":"dear"}]}`, "models", "list of models' names")
	refuse(t, chat, `{"model":"m","models":["m",[{"id":"dear"}]]}`, "models", "list of models' names")
}

func TestParse_notesWhatASecondModelMayDoBeyondTheRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ entry, ownCap, ownSpeed string }{
		{`{"model":"a"}`, "", ""},
		{`{"model":"a","max_tokens":null,"speed":null,"thinking":{"type":"x","max_tokens":1}}`, "", ""},
		{`{"model":"a","max_tokens":9}`, "fallbacks", ""},
		{`{"model":"a","speed":"standard"}`, "", ""},
		{`{"model":"a","speed":"fast"}`, "", "fallbacks"},
	} {
		got := accept(t, messages, `{"model":"m","fallbacks":[`+c.entry+`]}`).Demands
		if got.OwnCap != c.ownCap || got.OwnSpeed != c.ownSpeed {
			t.Errorf("%s: own cap %q, own speed %q; want %q, %q", c.entry, got.OwnCap, got.OwnSpeed, c.ownCap, c.ownSpeed)
		}
	}
}

func TestParse_findsObjectsOfTheAccount(t *testing.T) {
	t.Parallel()
	top := func(s string) string { return `{"model":"m",` + s + `}` }
	part := func(s string) string { return `{"model":"m","messages":[{"role":"user","content":[` + s + `]}]}` }
	gpart := func(s string) string { return `{"contents":[{"parts":[` + s + `]}]}` }
	for _, c := range []struct {
		name, path, body string
		want             []Object
	}{
		{"FileSearch", responses, top(`"tools":[{"type":"file_search","vector_store_ids":["vs_1","vs_2"]}]`), []Object{{"vector_store_ids", "vs_1"}, {"vector_store_ids", "vs_2"}}},
		{"Preset", chat, top(`"preset":"p"`), []Object{{"preset", "p"}}},
		{"PresetOfAModel", chat, `{"model":"gpt-4o@preset/p"}`, []Object{{"preset", "p"}}},
		{"PresetOfASecondModel", chat, top(`"models":["gpt-4o","gpt-4o@preset/p"]`), []Object{{"preset", "p"}}},
		{"FileSearchAdded", responses, top(`"input":[{"type":"additional_tools","tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]}]`), []Object{{"vector_store_ids", "vs_1"}}},
		{"InputFile", responses, top(`"input":[{"role":"user","content":[{"type":"input_file","file_id":"file-1"}]}]`), []Object{{"file_id", "file-1"}}},
		{"InputFileEscaped", responses, top(`"input":[{"content":[{"file\u005fid":"file\u002d1"}]}]`), []Object{{"file_id", "file-1"}}},
		{"ChatFile", chat, part(`{"type":"file","file":{"file_id":"file-1"}}`), []Object{{"file_id", "file-1"}}},
		{"MaskOfATool", responses, top(`"tools":[{"type":"image_generation","input_image_mask":{"file_id":"file-1"}}]`), []Object{{"file_id", "file-1"}}},
		{"EditByID", "/v1/images/edits", top(`"images":[{"file_id":"file-1"}]`), []Object{{"file_id", "file-1"}}},
		{"Container", responses, top(`"tools":[{"type":"code_interpreter","container":"cntr_1"}]`), []Object{{"container", "cntr_1"}}},
		{"ContainerAuto", responses, top(`"tools":[{"type":"code_interpreter","container":{"type":"auto"}}]`), nil},
		{"FilesOfAContainer", responses, top(`"tools":[{"type":"code_interpreter","container":{"type":"auto","file_ids":["file-1"]}}]`), []Object{{"file_ids", "file-1"}}},
		{"ShellContainer", responses, top(`"tools":[{"type":"shell","environment":{"type":"container_reference","container_id":"cntr_1"}}]`), []Object{{"container_id", "cntr_1"}}},
		{"ContainerOfACall", responses, top(`"input":[{"type":"code_interpreter_call","id":"ci_1","container_id":"cntr_1"}]`), []Object{{"container_id", "cntr_1"}}},
		{"Skill", responses, top(`"tools":[{"type":"shell","environment":{"type":"container_auto","skills":[{"type":"skill_reference","skill_id":"skill_1"},{"skill_id":"openai-spreadsheets"}]}}]`), []Object{{"skill_id", "skill_1"}}},
		{"StoredPrompt", responses, top(`"prompt":{"id":"pmpt_1","version":"2"}`), []Object{{"prompt.id", "pmpt_1"}}},
		{"StoredPromptTwice", responses, top(`"prompt":{"id":"a","Id":"b"}`), []Object{{"prompt.id", "a"}, {"prompt.id", "b"}}},
		{"PromptOfCompletions", legacy, top(`"prompt":"x"`), nil},
		{"Connector", responses, top(`"tools":[{"type":"mcp","connector_id":"connector_gmail","authorization":"t"}]`), []Object{{"connector_id", "connector_gmail"}}},
		{"Tunnel", responses, top(`"tools":[{"type":"mcp","tunnel_id":"tnl_1"}]`), []Object{{"tunnel_id", "tnl_1"}}},
		{"PreviousResponse", responses, top(`"previous_response_id":"resp_1","conversation":{"id":"conv_1"}`), nil},
		{"OwnVoice", "/v1/audio/speech", top(`"input":"x","voice":{"id":"voice_1"}`), []Object{{"voice.id", "voice_1"}}},
		{"NamedVoice", "/v1/audio/speech", top(`"input":"x","voice":"alloy"`), nil},
		{"AnthropicFile", messages, part(`{"type":"document","source":{"type":"file","file_id":"file_1"}}`), []Object{{"file_id", "file_1"}}},
		{"AnthropicContainer", messages, top(`"container":"container_1"`), []Object{{"container", "container_1"}}},
		{"AnthropicContainerByObject", messages, top(`"container":{"id":"container_1","skills":[{"type":"anthropic","skill_id":"pptx"},{"type":"custom","skill_id":"skill_1"}]}`), []Object{{"skill_id", "skill_1"}, {"container.id", "container_1"}}},
		{"AnthropicFilesThatAToolMade", messages, part(`{"type":"code_execution_tool_result","content":{"content":[{"type":"code_execution_output","file_id":"file_1"}]}}`), nil},
		{"AnthropicToolInput", messages, part(`{"type":"tool_use","id":"t","name":"f","input":{"file_id":"mine"}}`), nil},
		{"SchemaOfAFunction", chat, top(`"tools":[{"type":"function","function":{"parameters":{"properties":{"file_id":{"type":"string"}},"default":{"file_id":"x"}}}}]`), nil},
		{"Metadata", responses, top(`"metadata":{"file_id":"x"}`), nil},
		{"Citation", responses, top(`"input":[{"role":"assistant","content":[{"type":"output_text","annotations":[{"file_id":"file-1"}]}]}]`), nil},
		{"UnknownField", chat, top(`"something":{"new":[{"file_id":"file-1"}]}`), []Object{{"file_id", "file-1"}}},
		{"Collections", responses, top(`"tools":[{"type":"collections_search","collection_ids":["c"]}]`), []Object{{"collection_ids", "c"}}},
		{"Libraries", chat, top(`"tools":[{"type":"document_library","library_ids":["l"]}]`), []Object{{"library_ids", "l"}}},
		{"GeminiCache", generate, `{"cachedContent":"cachedContents/1"}`, []Object{{"cachedContent", "cachedContents/1"}}},
		{"GoogleCompatibleCache", chat, top(`"extra_body":{"google":{"cached_content":"cachedContents/1"}}`), []Object{{"cached_content", "cachedContents/1"}}},
		{"GeminiFile", generate, gpart(`{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/a"}}`), []Object{{"fileUri", "https://generativelanguage.googleapis.com/v1beta/files/a"}}},
		{"GeminiFileByName", generate, gpart(`{"file_data":{"file_uri":"files/a"}}`), []Object{{"file_uri", "files/a"}}},
		{"GeminiBucket", generate, gpart(`{"fileData":{"fileUri":"gs://mine/a"}}`), []Object{{"fileUri", "gs://mine/a"}}},
		{"GeminiYouTube", generate, gpart(`{"fileData":{"fileUri":"https://www.youtube.com/watch?v=x"}}`), nil},
		{"GeminiFunctionCall", generate, gpart(`{"functionCall":{"args":{"file_id":"x"}}},{"functionResponse":{"response":{"file_uri":"x"}}}`), nil},
		{"GeminiStore", generate, `{"tools":[{"fileSearch":{"fileSearchStoreNames":["fileSearchStores/a"]}}]}`, []Object{{"fileSearchStoreNames", "fileSearchStores/a"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, accept(t, c.path, c.body).Demands.Objects, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
		})
	}
	refuse(t, chat, top(`"file_ids":[`+strings.Repeat(`"a",`, maxDemands)+`"a"]`), "file_ids", "more than")
}

// A body is read in linear time, however its references are nested.
func TestParse_boundsNestedReferences(t *testing.T) {
	t.Parallel()
	nested := func(open, shut string, depth int) string {
		return `{"model":"m","x":` + strings.Repeat(open, depth) + "[" + strings.Repeat("1,", 1000) + "1]" + strings.Repeat(shut, depth) + `}`
	}
	for _, c := range [][2]string{{`{"file_ids":[`, `]}`}, {`{"container":`, `}`}, {`{"file_ids":[[[`, `]]]}`}} {
		accept(t, chat, nested(c[0], c[1], 1)+strings.Repeat(" ", 4000))
		if _, err := Parse(at(t, chat), "", []byte(nested(c[0], c[1], 45))); err == nil || !strings.Contains(err.Error(), "nested in itself") {
			t.Errorf("%s 45 times: %v, want a refusal", c[0], err)
		}
	}
}

func TestParse_findsWhatSteersAGateway(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"api_base", "base_url", "api_key", "apiBase", "BASE_URL", "baseURL", "api-key", "user_config", "model_list", "extra_headers",
		"custom_llm_provider", "litellm_params", "aws_secret_access_key", "vertex_credentials", "azure_ad_token", "providerOptions",
		`b\u0061se_url`,
	} {
		body := fmt.Sprintf(`{"model":"m","%s":"x"}`, name)
		if got := accept(t, chat, body).Demands.Steering; got == "" {
			t.Errorf("Parse(%s) finds nothing that steers", body)
		}
	}
	for _, name := range []string{"user", "provider", "store", "metadata", "seed", "reasoning", "verbosity", strings.Repeat("x", 300)} {
		if got := accept(t, chat, fmt.Sprintf(`{"model":"m","%s":"x"}`, name)).Demands.Steering; got != "" {
			t.Errorf("%q is taken for a field that steers", name)
		}
	}
	if got := accept(t, chat, `{"model":"m","messages":[{"api_base":"x"}],"metadata":{"base_url":"x"}}`).Demands.Steering; got != "" {
		t.Errorf("%q deep in the body is taken for a field that steers", got)
	}
}

func TestParse_measuresPredictions(t *testing.T) {
	t.Parallel()
	const content = `{"type":"content","content":[{"type":"text","text":"abc"}]}`
	if got := accept(t, chat, `{"model":"m","prediction":`+content+`}`).Demands.Prediction; got != int64(len(content)) {
		t.Errorf("prediction of %d bytes, want %d", got, len(content))
	}
	if got := accept(t, chat, `{"model":"m","prediction":null}`).Demands.Prediction; got != 0 {
		t.Errorf("prediction of %d bytes, want none", got)
	}
}

func TestUndatedTool(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"web_search_20250305": "web_search", "web_search_preview_2025_03_11": "web_search_preview", "web_search": "web_search",
		"tool_search_tool_bm25_20251119": "tool_search_tool_bm25", "_20250305": "_20250305", "": "", "web_search_2025030": "web_search_2025030",
	} {
		if got := UndatedTool(in); got != want {
			t.Errorf("UndatedTool(%q) = %q, want %q", in, got, want)
		}
	}
}

// The bodies of all endpoints of the Responses API are read alike.
func TestParse_readsEveryBodyOfTheResponsesAPI(t *testing.T) {
	t.Parallel()
	for _, path := range []string{responses, responses + "/input_tokens", responses + "/compact"} {
		e := accept(t, path, `{"model":"m","prompt":{"id":"pmpt_1"},"previous_response_id":"r","input":[{"content":[{"type":"input_file","file_id":"file-1"}]}],"tools":[{"type":"web_search"}]}`)
		want := []Object{{"prompt.id", "pmpt_1"}, {"file_id", "file-1"}}
		if diff := cmp.Diff(want, e.Demands.Objects); diff != "" || len(e.Demands.Tools) != 1 || !e.Input.Opaque {
			t.Errorf("%s: tools %v, opaque %v; objects (-want +got):\n%s", path, e.Demands.Tools, e.Input.Opaque, diff)
		}
		refuse(t, path, `{"model":"m","background":false,"background":null}`, "background", "more than once")
		if _, err := Parse(at(t, path), "", []byte(`{"model":"m","background":true}`)); err == nil {
			t.Errorf("%s takes a background response", path)
		}
	}
}
