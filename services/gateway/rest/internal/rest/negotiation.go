package rest

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// negotiate finds what the client wants to get and whether what it sends can be read; it answers
// false where it has refused.
func (a *api) negotiate(w http.ResponseWriter, r *http.Request, asked *httpCall) bool {
	offers := []string{jsonType, problemType}
	if asked.route.streams() {
		offers = []string{linesType, eventsType, jsonType}
	}
	chosen := offers[0]
	if accept := filled(r.Header.Values("Accept")); len(accept) > 0 && !asked.route.answersRaw() {
		if chosen = preferred(accept, offers); chosen == "" {
			refuseHTTP(w, r, http.StatusNotAcceptable,
				"Accept admits nothing that there is here: "+strings.Join(offers, ", "))
			return false
		}
	}
	asked.events = chosen == eventsType
	r.Header["Accept"] = []string{chosen}
	return a.readable(w, r, asked.route)
}

func streamType(asked *httpCall) string {
	if asked.events {
		return eventsType
	}
	return linesType
}

// readable refuses bodies that are no JSON. What has no type is taken for JSON, and what calls
// itself a form as well, because curl says so of everything.
func (a *api) readable(w http.ResponseWriter, r *http.Request, found *route) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	given := r.Header.Get("Content-Type") != ""
	plain := err == nil && (kind == jsonType || kind == "application/merge-patch+json" ||
		kind == "application/x-www-form-urlencoded")
	if given && !plain && found.body != "" {
		w.Header().Set("Accept", jsonType)
		refuseHTTP(w, r, http.StatusUnsupportedMediaType, "send the body as Content-Type: "+jsonType)
		return false
	}
	r.Header.Del("Content-Type")
	return true
}

// preferred is the offer that an Accept header likes best, the first of those it likes as much;
// empty: none.
func preferred(accept, offers []string) string {
	best, quality := "", 0.0
	for _, offer := range offers {
		if q := acceptance(accept, offer); q > quality {
			best, quality = offer, q
		}
	}
	return best
}

// acceptance is how much an Accept header likes a type, from 0 to 1; the most exact range says it.
func acceptance(accept []string, offer string) float64 {
	quality, exactness := 0.0, -1
	for _, part := range strings.Split(strings.Join(accept, ","), ",") {
		kind, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		family, _, _ := strings.Cut(offer, "/")
		exact := slices.Index([]string{"*/*", family + "/*", offer}, kind)
		if exact <= exactness {
			continue
		}
		q, err := strconv.ParseFloat(parameters["q"], 64)
		if err != nil {
			q = 1
		}
		quality, exactness = q, exact
	}
	return quality
}
