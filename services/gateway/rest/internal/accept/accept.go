// Package accept reads what clients say they take.
package accept

import (
	"net/http"
	"strconv"
	"strings"
)

// Gzip tells whether the client takes gzip.
func Gzip(header http.Header) bool {
	values := header.Values("Accept-Encoding")
	quality := -1.0
	for _, part := range strings.Split(strings.ToLower(strings.Join(values, ",")), ",") {
		coding, parameters, _ := strings.Cut(part, ";")
		coding = strings.TrimSpace(coding)
		if coding != "gzip" && (coding != "*" || quality >= 0) {
			continue
		}
		quality = 1
		if _, q, found := strings.Cut(parameters, "q="); found {
			quality, _ = strconv.ParseFloat(strings.TrimSpace(q), 64)
		}
	}
	return quality > 0
}
