package wire

import "unicode/utf8"

// Speaker is the side of a conversation that a text comes from, as the body claims.
type Speaker uint8

// The speakers.
const (
	SpeakerUser      Speaker = iota // and where the body does not say
	SpeakerAssistant                // the model, as the client claims
	SpeakerSystem                   // the developer
	SpeakerTool                     // a tool's result

	speakerUnknown Speaker = iota
)

// turn is a text of a conversation.
type turn struct {
	token
	speaker Speaker
}

// Turn is a text of a conversation, as it stands in the body.
type Turn struct {
	Speaker Speaker
	Raw     []byte // of a string, without its quotes; of a tool's result also a JSON object
	escaped bool
}

// Text returns the decoded text. Broken escapes become U+FFFD.
func (t Turn) Text() string {
	if !t.escaped {
		return string(t.Raw)
	}
	text, _ := unescape(make([]byte, 0, len(t.Raw)), t.Raw)
	return string(text)
}

// Ends returns the decoded beginning and end of a long text, at most n bytes of the body each.
func (t Turn) Ends(n int) (head, tail string) {
	from, to := n, len(t.Raw)-n
	for from > 0 && !t.divides(from) {
		from--
	}
	for to < len(t.Raw) && !t.divides(to) {
		to++
	}
	return Turn{Raw: t.Raw[:from], escaped: t.escaped}.Text(), Turn{Raw: t.Raw[to:], escaped: t.escaped}.Text()
}

// divides reports whether a text can be cut before byte i: not within a character or an escape.
func (t Turn) divides(i int) bool {
	if !utf8.RuneStart(t.Raw[i]) {
		return false
	}
	const longest = len(`\ud83d\ude00`)
	for j := max(0, i-longest); j < i; j++ {
		if t.Raw[j] == '\\' {
			return false
		}
	}
	return true
}

// Turns calls do with each text of the conversation, in the order of the body, except for the developer's. It does so only
// after ParseTurns, and before Forget.
func (e *Envelope) Turns(do func(Turn) bool) {
	for _, t := range e.turns {
		if t.speaker == SpeakerSystem {
			continue
		}
		speaker := t.speaker
		if speaker == speakerUnknown {
			speaker = SpeakerUser
		}
		raw := e.body[t.start:t.end]
		if t.kind == text {
			raw = raw[1 : len(raw)-1]
		}
		if !do(Turn{Speaker: speaker, Raw: raw, escaped: t.escaped}) {
			return
		}
	}
}

// heed is the meaning of a member for the turns of a conversation.
type heed struct {
	kind  heedKind
	since int // the turns before the value
}

type heedKind uint8

const (
	heedNot    heedKind = iota
	heedText            // a text of the conversation
	heedRole            // who speaks
	heedType            // the type of an item or part
	heedSystem          // the developer's own text
	heedReply           // Gemini's result of a tool
	heedPrompt          // a prompt of Completions
)

// talks reports whether a field of a body, a message or a part holds texts under this name in another letter case. Some
// servers read it so.
func talks(at place, key []byte) bool {
	switch at {
	case root, nested:
		return foldEqual(key, "messages") || foldEqual(key, "contents")
	case part:
		return foldEqual(key, "content") || foldEqual(key, "parts")
	}
	return false
}

// hearing returns the meaning of a member, before its value is read.
func (r *reader) hearing(at, inner place, key []byte) heed {
	if !r.e.listen {
		return heed{}
	}
	h := heed{since: len(r.e.turns)}
	switch {
	case at == part && foldEqual(key, "role"):
		h.kind = heedRole
	case at == part && string(key) == "type":
		h.kind = heedType
	case inner == functionReply:
		h.kind = heedReply
	case inner == prompts:
		h.kind = heedPrompt
	case inner == part && (foldEqual(key, "system") || foldEqual(key, "systemInstruction") || foldEqual(key, "system_instruction")):
		h.kind = heedSystem
	case inner == part, at == part && (foldEqual(key, "text") || foldEqual(key, "refusal")):
		h.kind = heedText
	}
	return h
}

// heard notes a member after its value is read.
func (r *reader) heard(h heed, v token, f *frame) {
	switch h.kind {
	case heedText:
		r.hear(v)
	case heedRole:
		if v.kind == text {
			f.item.speak(speakerOf(r.short(v)))
		}
	case heedType:
		if v.kind == text && isResult(r.short(v)) {
			f.item.speaker = SpeakerTool
		}
	case heedSystem:
		r.spoken(h.since, SpeakerSystem)
	case heedReply:
		r.e.turns = append(r.e.turns, turn{v, SpeakerTool})
		r.spoken(h.since, SpeakerTool)
	case heedPrompt:
		r.hearPrompt(v)
	}
}

// hear notes a text of the conversation, if v is one.
func (r *reader) hear(v token) {
	if r.e.listen && v.kind == text {
		r.e.turns = append(r.e.turns, turn{v, speakerUnknown})
	}
}

// hearPrompt notes a prompt of Completions.
func (r *reader) hearPrompt(v token) {
	r.hear(v)
	if !r.e.listen || v.kind != numeric && v.kind != array {
		return
	}
	if v.kind == array {
		s := scanner{data: r.data, pos: v.start + 1}
		if c := s.space(); c != '-' && !isDigit(c) {
			return
		}
	}
	r.e.Tokenised = true
}

// spoken says who said the turns from since on, where nothing nearer said it.
func (r *reader) spoken(since int, by Speaker) {
	if by == SpeakerUser || since > len(r.e.turns) {
		by = speakerUnknown // the same, and an outer role still counts
	}
	for i := since; i < len(r.e.turns); i++ {
		if r.e.turns[i].speaker == speakerUnknown {
			r.e.turns[i].speaker = by
		}
	}
}

// speak notes a role. If a message has two, the developer's does not count: a later parser may read the other one.
func (f *itemFrame) speak(by Speaker) {
	if f.voiced && by != f.speaker && f.speaker != SpeakerTool {
		f.speaker = SpeakerUser
		return
	}
	f.voiced = true
	if f.speaker != SpeakerTool {
		f.speaker = by
	}
}

func speakerOf(role []byte) Speaker {
	switch string(role) {
	case "assistant", "model":
		return SpeakerAssistant
	case "system", "developer":
		return SpeakerSystem
	case "tool", "function":
		return SpeakerTool
	}
	return SpeakerUser
}

// isResult reports whether a type is that of a tool's result.
func isResult(kind []byte) bool {
	switch string(kind) {
	case "tool_result", "function_call_output", "custom_tool_call_output", "computer_call_output", "local_shell_call_output",
		"shell_call_output", "apply_patch_call_output", "mcp_tool_result", "search_result":
		return true
	}
	return false
}
