package wire

import "strings"

// This file finds references to objects of the key's account. Otherwise any user of an app could read an object whose id
// the user knows or guesses.

// reference is how a field refers to an object of the account.
type reference uint8

const (
	noObject        reference = iota
	objectID                  // by an id or a list of ids
	containerObject           // by an id, or an object with its id
	voiceObject               // by an object with its id; a voice given as a name is the vendor's
	promptObject              // by an object with its id: a prompt stored with OpenAI
	skillObject               // by an id, or by the name of one of the vendor's own
	uriObject                 // by a URI, of Google's Files API or any other
)

// objectField returns how a field refers to an object of the account, at any place: OpenAI's and Anthropic's files, stores,
// containers, skills, tunnels and connectors, Google's files, caches and stores, xAI's collections, Mistral's libraries
// and agents, as documented in 2026.
func objectField(key []byte) reference {
	switch string(key) {
	case "file_id", "file_ids", "vector_store_id", "vector_store_ids", "container_id", "tunnel_id", "connector_id",
		"collection_id", "collection_ids", "library_id", "library_ids", "agent_id", "cached_content", "cachedContent",
		"file_search_store_names", "fileSearchStoreNames", "rag_corpus", "ragCorpus", "datastore":
		return objectID
	case "container":
		return containerObject
	case "voice":
		return voiceObject
	case "skill_id":
		return skillObject
	case "file_uri", "fileUri":
		return uriObject
	}
	return noObject
}

// refer notes the objects that a field's value refers to.
func (r *reader) refer(name string, ref reference, v token) error {
	if v.kind == array || v.kind == object {
		// Such values in each other would be read again at every level.
		if r.again += v.end - v.start; r.again > maxRereads*len(r.data) {
			return invalid(name, "`%s` is nested in itself, or holds lists in lists. Send a list of ids.", name)
		}
	}
	switch {
	case v.kind == array:
		return r.elements(v, func(v token) error { return r.refer(name, ref, v) })
	case v.kind == object && (ref == containerObject || ref == voiceObject || ref == promptObject):
		return r.idOf(name, v)
	case v.kind != text, ref == voiceObject, ref == promptObject:
		return nil
	}
	id, _ := r.decode(v)
	if ref == uriObject && !storedURI(id) || ref == skillObject && builtinSkill(id) {
		return nil
	}
	return r.e.Demands.addObject(name, id)
}

// maxRereads bounds how often the whole body is read again to find the objects that it refers to.
const maxRereads = 2

// elements calls do for each string of an array that was read, and of arrays in it.
func (r *reader) elements(v token, do func(token) error) error {
	s := reader{scanner: scanner{data: r.data, pos: v.start + 1}, e: &Envelope{}}
	for first := true; ; first = false {
		more, err := s.next(first, ']')
		if err != nil || !more {
			return err
		}
		inner, err := s.value(free)
		if err != nil {
			return err
		}
		if inner.kind == text || inner.kind == array {
			if err := do(inner); err != nil {
				return err
			}
		}
	}
}

// idOf notes the ids of an object that was read.
func (r *reader) idOf(param string, v token) error {
	s := reader{scanner: scanner{data: r.data, pos: v.start + 1}, e: &Envelope{}}
	for first := true; ; first = false {
		more, err := s.next(first, '}')
		if err != nil || !more {
			return err
		}
		name, err := s.key()
		if err != nil {
			return err
		}
		isID := foldEqual(s.short(name), "id")
		inner, err := s.value(free)
		if err != nil {
			return err
		}
		if isID && inner.kind == text {
			id, _ := r.decode(inner)
			if err := r.e.Demands.addObject(param+".id", id); err != nil {
				return err
			}
		}
	}
}

// storedURI reports whether a URI names a file that the account stored with Google: in the Files API, by name or by URL,
// or in its own bucket. Other URIs are public.
func storedURI(uri string) bool {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(uri), "://")
	if !ok || !strings.EqualFold(scheme, "https") && !strings.EqualFold(scheme, "http") {
		return true
	}
	host, path, _ := strings.Cut(rest, "/")
	host = strings.ToLower(host)
	return strings.Contains(host, "googleapis.com") && !strings.HasPrefix(host, "storage.googleapis.com") ||
		strings.HasPrefix(path, "v1") && strings.Contains(path, "/files/")
}

// builtinSkill reports whether a skill is the vendor's own: Anthropic's four by name, or one of OpenAI's curated skills.
func builtinSkill(id string) bool {
	switch id {
	case "pptx", "xlsx", "docx", "pdf":
		return true
	}
	return strings.HasPrefix(id, "openai-")
}
