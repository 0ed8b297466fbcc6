package wire

import (
	"bytes"
	"slices"
)

// Chats reports whether the operation's body is a conversation, which has a place for a system instruction.
func (op Operation) Chats() bool {
	switch op {
	case ChatCompletions, Responses, CountResponseTokens, CompactResponse, Messages, CountMessageTokens,
		GenerateContent, StreamGenerateContent, CountTokens:
		return true
	default:
		return false
	}
}

// turnsField returns the field that lists the turns of a conversation.
func (op Operation) turnsField() string {
	switch op {
	case ChatCompletions, Messages, CountMessageTokens:
		return "messages"
	case Responses, CountResponseTokens, CompactResponse:
		return "input"
	default:
		return "contents"
	}
}

// instructionFields are the top-level fields that go where a stored prompt is applied: our own two, and every field in which
// a client could give instructions, in any dialect. Compatible servers read fields of each other. chat_template says how
// such a server words the system message.
var instructionFields = []string{
	"systemPrompt", "systemPromptVariables", "system", "instructions", "prompt", "systemInstruction", "system_instruction",
	"system_prompt", "chat_template",
}

// ownPromptFields are those that no provider knows.
var ownPromptFields = instructionFields[:2]

const (
	// maxVariable bounds a variable of a stored prompt, in bytes.
	maxVariable = 2 << 10
	// maxVariables bounds how many variables a request has.
	maxVariables = 100
	// maxInstructions bounds how many instructions of the client are removed from a body.
	maxInstructions = 1000
)

// PromptFields reports whether the body has a field of stored prompts, even one that is null.
func (e *Envelope) PromptFields() bool {
	return e.fields[systemPrompt].kind != missing || e.fields[systemPromptVariables].kind != missing
}

// PromptVariables returns the strings of systemPromptVariables, or nil if the body has none. Every error is an *Error of
// status 400.
func (e *Envelope) PromptVariables() (map[string]string, error) {
	tok := e.fields[systemPromptVariables]
	if tok.kind != object {
		return nil, nil
	}
	vars := map[string]string{}
	s := scanner{data: e.body, pos: tok.start}
	err := s.each('}', func(name, value token) error {
		key, ok := s.decode(name)
		if !ok {
			return invalid(params[systemPromptVariables], "`systemPromptVariables` has a name with broken Unicode.")
		}
		param := params[systemPromptVariables] + "." + key
		if _, twice := vars[key]; twice {
			return invalid(param, "`%s` is given more than once. Send it once.", param)
		}
		if value.kind != text {
			return invalid(param, "`%s` must be a string, got %s.", param, value.kind)
		}
		if vars[key], ok = s.decode(value); !ok {
			return invalid(param, "`%s` has broken Unicode.", param)
		}
		switch {
		case len(vars[key]) > maxVariable:
			return invalid(param, "`%s` is longer than %d bytes.", param, maxVariable)
		case len(vars) > maxVariables:
			return invalid(params[systemPromptVariables], "`systemPromptVariables` has more than %d names.", maxVariables)
		}
		return nil
	})
	return vars, err
}

// Uninstruct returns the body without the fields of stored prompts.
func (e *Envelope) Uninstruct() ([]byte, error) {
	p := patches{body: e.body}
	_, err := p.cut(e.open(), '}', func(name, _ token) (bool, error) {
		return p.names(ownPromptFields, name), nil
	})
	return p.apply(), err
}

// Instruct returns the body with a text as the system instruction, in its dialect's place. The fields of stored prompts and
// all instructions of the client are removed: its system and developer messages, instructions, prompt and the like. Every
// other byte is as it was. Errors are *Error of status 400: a body in which a reader could find other turns than those that
// were searched.
func (e *Envelope) Instruct(instruction string) ([]byte, error) {
	i := instructing{patches: patches{body: e.body}, op: e.Endpoint.Operation, model: e.Endpoint.Model, quoted: quote(instruction)}
	if err := i.conversation(e.open()); err != nil {
		return nil, err
	}
	return i.apply(), nil
}

// instructing is the edit that Instruct makes.
type instructing struct {
	patches
	op      Operation
	model   string // of a Gemini path
	quoted  []byte // the instruction
	removed int    // instructions of the client
}

// found are the members of a conversation's object that decide where the instruction goes.
type found struct {
	turns, nested, model token
}

// conversation edits the object at open, which holds a conversation.
func (i *instructing) conversation(open int) error {
	var f found
	left, err := i.cut(open, '}', func(name, value token) (bool, error) { return i.member(&f, name, value) })
	if err != nil {
		return err
	}
	if f.nested.kind == object {
		i.op = GenerateContent // as which the conversation inside is written
		return i.conversation(f.nested.start)
	}
	turnsLeft := false
	if f.turns.kind == array {
		turnsLeft, err = i.cut(f.turns.start, ']', func(_, turn token) (bool, error) { return i.instructs(turn) })
		if err != nil {
			return err
		}
	}
	switch i.op {
	case ChatCompletions:
		return i.firstMessage(open, f.turns, left, turnsLeft)
	case Messages, CountMessageTokens:
		i.prepend(open, asMember("system", i.quoted), left)
	case CountTokens:
		i.wrap(open, f, left)
	case GenerateContent, StreamGenerateContent:
		i.prepend(open, asMember("systemInstruction", i.content()), left)
	default:
		i.prepend(open, asMember("instructions", i.quoted), left)
	}
	return nil
}

// member reports whether a member of the conversation's object is removed, and notes it if it decides where the instruction
// goes. Letter case does not matter to some servers, so instructions go in any letter case.
func (i *instructing) member(f *found, name, value token) (remove bool, err error) {
	field := i.op.turnsField()
	key := i.word(name)
	switch {
	case i.names(instructionFields, name):
		return true, nil
	case foldEqual(key, field):
		if string(key) != field || f.turns.kind != missing {
			return false, invalid(field, "A stored prompt applies, and `%s` is there more than once or in another letter case. Send it once.", field)
		}
		f.turns = value
	case i.op == CountTokens && (foldEqual(key, "generateContentRequest") || foldEqual(key, "generate_content_request")):
		if f.nested.kind != missing {
			return false, invalid("generateContentRequest", "`generateContentRequest` is given more than once. Send it once.")
		}
		f.nested = value
		return value.kind != object, nil
	case string(key) == "model":
		f.model = value
	}
	return false, nil
}

// instructs reports whether a turn is one of the system or the developer.
func (i *instructing) instructs(turn token) (yes bool, err error) {
	if turn.kind != object {
		return false, nil
	}
	s := scanner{data: i.body, pos: turn.start}
	err = s.each('}', func(name, value token) error {
		if value.kind == text && foldEqual(i.word(name), "role") {
			role := bytes.TrimSpace(i.word(value))
			yes = yes || foldEqual(role, "system") || foldEqual(role, "developer")
		}
		return nil
	})
	if yes {
		i.removed++
	}
	if i.removed > maxInstructions {
		err = invalid(i.op.turnsField(), "A stored prompt applies, and the body has more than %d instructions beside it. Leave them out.", maxInstructions)
	}
	return yes, err
}

// firstMessage inserts the instruction as the first message.
func (i *instructing) firstMessage(open int, turns token, left, turnsLeft bool) error {
	message := slices.Concat([]byte(`{"role":"system","content":`), i.quoted, []byte("}"))
	switch turns.kind {
	case missing:
		i.prepend(open, asMember("messages", slices.Concat([]byte("["), message, []byte("]"))), left)
	case null:
		i.replace(turns, slices.Concat([]byte("["), message, []byte("]")))
	case array:
		i.prepend(turns.start, message, turnsLeft)
	default:
		return invalid("messages", "`messages` must be a list, got %s.", turns.kind)
	}
	return nil
}

// content is the instruction as Gemini writes it.
func (i *instructing) content() []byte {
	return slices.Concat([]byte(`{"parts":[{"text":`), i.quoted, []byte("}]}"))
}

// wrap puts a Gemini conversation whose tokens are counted into a generateContentRequest: only there can it have an
// instruction.
func (i *instructing) wrap(open int, f found, left bool) {
	inside := []byte(`"generateContentRequest":{`)
	if f.model.kind == missing {
		inside = append(append(inside, `"model":`...), append(quote(modelsPrefix+i.model), ',')...)
	}
	inside = append(append(inside, `"systemInstruction":`...), i.content()...)
	i.prepend(open, inside, left)
	s := scanner{data: i.body, pos: open}
	_, _ = s.skip() // it was read before
	i.list = append(i.list, patch{s.pos - 1, s.pos - 1, []byte("}")})
}

// cut removes the members of an object, or the elements of an array, for which remove says so, each with one comma. open is
// where the object or array begins and closing its last byte. It reports whether any are left.
func (p *patches) cut(open int, closing byte, remove func(name, value token) (bool, error)) (left bool, err error) {
	s := scanner{data: p.body, pos: open}
	run, end, kept := -1, -1, -1 // where removed members begin and end; where the last kept one ends
	err = s.each(closing, func(name, value token) error {
		start := value.start
		if closing == '}' {
			start = name.start
		}
		gone, err := remove(name, value)
		switch {
		case err != nil:
			return err
		case gone && run < 0:
			run, end = start, value.end
		case gone:
			end = value.end
		case run >= 0:
			p.list = append(p.list, patch{start: run, end: start})
			run, kept = -1, value.end
		default:
			kept = value.end
		}
		return nil
	})
	left = kept >= 0
	if err != nil || run < 0 {
		return left, err
	}
	if left {
		run = kept // with the comma before
	}
	p.list = append(p.list, patch{start: run, end: end})
	return left, nil
}

// names reports whether a member's name is one of fields in some letter case.
func (p *patches) names(fields []string, name token) bool {
	key := p.word(name)
	return slices.ContainsFunc(fields, func(field string) bool { return foldEqual(key, field) })
}

// each calls do for each member of the object, or element of the array, at pos. An element has no name. It was read before.
func (s *scanner) each(closing byte, do func(name, value token) error) error {
	s.space()
	if err := s.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := s.next(first, closing)
		if err != nil || !more {
			return err
		}
		var name token
		if closing == '}' {
			if name, err = s.key(); err != nil {
				return err
			}
		}
		value, err := s.skip()
		if err != nil {
			return err
		}
		if err := do(name, value); err != nil {
			return err
		}
	}
}

// skip passes over a value that was read before.
func (s *scanner) skip() (token, error) {
	k, err := s.peek()
	if err != nil || k != object && k != array {
		if err != nil {
			return token{}, err
		}
		return s.scalar(k)
	}
	start, depth := s.pos, 0
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			if _, err := s.text(); err != nil {
				return token{}, err
			}
			continue
		}
		if s.pos++; depth == 0 {
			return token{start: start, end: s.pos, kind: k}, nil
		}
	}
	return token{}, s.syntax("a closing bracket")
}
