package echo

// The lists of models of the three vendors' APIs, which a check of a key reads.

func (c *call) models() {
	list := []any{}
	for _, name := range c.p.opts.Models {
		if c.dialect == anthropic {
			list = append(list, map[string]any{"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"})
			continue
		}
		list = append(list, map[string]any{"id": name, "object": "model", "created": Created, "owned_by": "echo"})
	}
	if c.dialect == anthropic {
		c.json(map[string]any{"data": list, "has_more": false})
		return
	}
	c.json(map[string]any{"object": "list", "data": list})
}

func (c *call) geminiModels() {
	list := []any{}
	for _, name := range c.p.opts.Models {
		list = append(list, map[string]any{"name": "models/" + name, "displayName": name, "supportedGenerationMethods": []string{"generateContent", "countTokens"}})
	}
	c.json(map[string]any{"models": list})
}
