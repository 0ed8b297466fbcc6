package wire

import "bytes"

// isSteering reports whether a top-level field, in any spelling, steers another gateway on the way to the vendor: LiteLLM's
// client-side credentials, routing and router configuration, Portkey's and Helicone's, Vercel's provider options.
func isSteering(key []byte) bool {
	var buf [40]byte
	name := buf[:0]
	for _, c := range key {
		switch {
		case c == '_' || c == '-':
			continue
		case len(name) == len(buf):
			return false
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		}
		name = append(name, c)
	}
	switch string(name) {
	case "apibase", "baseurl", "apikey", "apiversion", "apitype", "organization", "extraheaders", "defaultheaders", "headers",
		"extraquery", "customllmprovider", "modellist", "userconfig", "mockresponse", "deploymentid", "contextwindowfallbacks",
		"contentpolicyfallbacks", "provideroptions", "virtualkey", "customhost", "endpointurl", "regionname", "modelinfo",
		"proxyserverrequest", "secretfields":
		return true
	}
	for _, p := range steeringPrefixes {
		if bytes.HasPrefix(name, []byte(p)) {
			return true
		}
	}
	return false
}

// steeringPrefixes are prefixes of the fields for cloud credentials and gateways' settings that LiteLLM takes.
var steeringPrefixes = [...]string{"litellm", "aws", "azure", "vertex", "watsonx", "portkey", "helicone", "cfaig"}
