package rest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsHeaders = "Authorization, Content-Type, Content-Encoding, If-Match, If-None-Match, " +
		"Idempotency-Key, Last-Event-ID, X-Request-Id, Traceparent, Tracestate"
	corsExposed = "ETag, Location, Retry-After, X-Request-Id, Allow, Last-Modified"
)

// withCORS lets pages of some origins call. There are no cookies here, so none are allowed.
func withCORS(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		allowed := slices.Contains(origins, origin)
		if allowed {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", corsExposed)
		}
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
			if allowed {
				h.Set("Access-Control-Allow-Methods", corsMethods)
				h.Set("Access-Control-Allow-Headers", corsHeaders)
				h.Set("Access-Control-Max-Age", "600")
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// checkOrigin takes `https://host[:port]`, exactly as browsers send it.
func checkOrigin(origin string) error {
	parsed, err := url.Parse(origin)
	if err != nil || parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" ||
		parsed.Scheme+"://"+parsed.Host != origin || strings.ToLower(origin) != origin {
		return fmt.Errorf("%q: expected https://host or https://host:port", origin)
	}
	port := parsed.Port()
	switch {
	case parsed.Scheme == "https" && port == "443", parsed.Scheme == "http" && port == "80":
		return fmt.Errorf("%q: leave out :%s, as browsers do", origin, port)
	case strings.HasSuffix(parsed.Host, ":"), strings.HasPrefix(port, "0"):
		return fmt.Errorf("%q: expected a port from 1 after the colon", origin)
	case strings.HasSuffix(parsed.Hostname(), "."):
		return fmt.Errorf("%q: leave out the dot at the end of the host", origin)
	}
	return nil
}
