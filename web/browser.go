package web

import "strings"

// browserName is what a User-Agent says of itself, in words for people: "Firefox on Windows". Only words of ours are
// shown, and "" when it says nothing that is known.
func browserName(agent string) string {
	name, system := said(agent, browsers()), said(agent, systems())
	switch {
	case name == "":
		return system
	case system == "":
		return name
	}
	return name + " on " + system
}

// sign is what a User-Agent contains, and what that stands for.
type sign struct{ part, means string }

// browsers are the signs of browsers, in the order in which they count: most browsers name others as well.
func browsers() []sign {
	return []sign{
		{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Vivaldi/", "Vivaldi"},
		{"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Chromium/", "Chromium"},
		{"Version/", "Safari"}, {"curl/", "curl"}, {"python-requests/", "A Python program"}, {"Go-http-client/", "A Go program"},
	}
}

func systems() []sign {
	return []sign{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
	}
}

func said(agent string, signs []sign) string {
	for _, s := range signs {
		if strings.Contains(agent, s.part) {
			return s.means
		}
	}
	return ""
}
