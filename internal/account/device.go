package account

import "strings"

// Device puts a browser's User-Agent into words: "Chrome on macOS". Nothing of the text itself is in the answer, because
// it goes into mails.
func Device(agent string) string {
	browser, system := first(agent, browsers), first(agent, systems)
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case browser != "":
		return browser
	case system != "":
		return "a browser on " + system
	}
	return "an unknown browser"
}

type named struct{ mark, name string }

// browsers are in the order in which they are looked for: most browsers also claim to be the ones below them.
var browsers = []named{
	{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS", "Firefox"},
	{"CriOS", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
}

var systems = []named{
	{"iPhone", "an iPhone"}, {"iPad", "an iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"},
	{"CrOS", "ChromeOS"}, {"Linux", "Linux"},
}

func first(agent string, of []named) string {
	for _, n := range of {
		if strings.Contains(agent, n.mark) {
			return n.name
		}
	}
	return ""
}
