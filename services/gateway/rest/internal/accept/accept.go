// Package accept reads what clients say they take.
package accept

import (
	"net/http"
	"strconv"
	"strings"
)

// Coding tells whether the client takes a content coding.
func Coding(header http.Header, name string) bool {
	values := header.Values("Accept-Encoding")
	quality := -1.0
	for _, part := range strings.Split(strings.ToLower(strings.Join(values, ",")), ",") {
		coding, parameters, _ := strings.Cut(part, ";")
		coding = strings.TrimSpace(coding)
		if coding != name && (coding != "*" || quality >= 0) {
			continue
		}
		quality = 1
		if _, q, found := strings.Cut(parameters, "q="); found {
			quality, _ = strconv.ParseFloat(strings.TrimSpace(q), 64)
		}
	}
	return quality > 0
}
