package session

import (
	"errors"
	"net/http"
)

// hidden is an error whose cause is for the log: it may tell of what is behind us.
type hidden struct {
	says  string
	cause error
}

func because(says string, cause error) error { return &hidden{says, cause} }

func (h *hidden) Error() string { return h.says + ": " + h.cause.Error() }
func (h *hidden) Unwrap() error { return h.cause }

// told is what the page shows of an error; by the request's id its cause is found in the log.
func (m *Manager) told(r *http.Request, err error) string {
	var h *hidden
	if !errors.As(err, &h) {
		return err.Error()
	}
	m.log(r, "a sign-in failed", err)
	text := h.says
	if id := requestID(r); id != "" {
		text += " (request " + id + ")"
	}
	return text
}

// maxLogged bytes of what others say.
const maxLogged = 1_000

func (m *Manager) log(r *http.Request, what string, err error) {
	text := err.Error()
	m.config.Log.WarnContext(r.Context(), what, "error", text[:min(len(text), maxLogged)], "request_id", requestID(r))
}

func requestID(r *http.Request) string { return r.Header.Get("X-Request-Id") }
