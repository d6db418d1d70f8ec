package session

import "net/http"

// private keeps an answer that a session got out of every cache. A cache knows by an Authorization
// header that an answer is somebody's own, and by a cookie it does not; and the answer may bring the
// session's next cookie.
type private struct {
	http.ResponseWriter
	begun bool
}

func (p *private) begin() {
	if p.begun {
		return
	}
	p.begun = true
	p.Header().Set("Cache-Control", "no-store")
	p.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
}

func (p *private) WriteHeader(code int) {
	p.begin()
	p.ResponseWriter.WriteHeader(code)
}

func (p *private) Write(data []byte) (int, error) {
	p.begin()
	return p.ResponseWriter.Write(data)
}

// FlushError is what http.ResponseController calls.
func (p *private) FlushError() error {
	p.begin()
	return http.NewResponseController(p.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (p *private) Unwrap() http.ResponseWriter { return p.ResponseWriter }
