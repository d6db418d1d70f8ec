package session

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Routes serves
//
//	GET    /session           whether there is one, and who can be signed in with
//	POST   /session           begins one with a token: {"token": "…"}
//	DELETE /session           ends it
//	GET    /session/sign-in   leads to ?issuer=…, and back to ?returnTo=/path
//	GET    /session/callback  where providers lead back to
func (m *Manager) Routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /session", m.show)
	mux.HandleFunc("POST /session", m.paste)
	mux.HandleFunc("DELETE /session", m.end)
	mux.HandleFunc("GET /session/sign-in", m.signIn)
	mux.HandleFunc("GET /session/callback", m.callback)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

type shown struct {
	SignedIn bool `json:"signedIn"`
	// ExpireTime of the token, where it is known.
	ExpireTime *time.Time `json:"expireTime,omitempty"`
	Providers  []Provider `json:"providers"`
}

func (m *Manager) show(w http.ResponseWriter, r *http.Request) {
	if err := m.own(r); err != nil {
		m.config.Refuse(w, r, http.StatusForbidden, err)
		return
	}
	answer := shown{Providers: []Provider{}}
	var held content
	if answer.SignedIn = m.jar.read(r, sessionPurpose, &held); answer.SignedIn && !held.Expires.IsZero() {
		answer.ExpireTime = &held.Expires
	}
	// A gateway that is away shows elsewhere.
	if all, err := m.config.Gateway.Providers(r.Context()); err == nil {
		for _, p := range all {
			if p.ClientID != "" {
				answer.Providers = append(answer.Providers, p)
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

const maxTokenBytes = 8 << 10

func (m *Manager) paste(w http.ResponseWriter, r *http.Request) {
	if err := m.own(r); err != nil {
		m.config.Refuse(w, r, http.StatusForbidden, err)
		return
	}
	var asked struct {
		Token string `json:"token"`
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTokenBytes))
	if err == nil {
		err = json.Unmarshal(body, &asked)
	}
	token := strings.TrimSpace(asked.Token)
	if err != nil || token == "" {
		m.config.Refuse(w, r, http.StatusBadRequest, errors.New(`expected {"token": "…"}`))
		return
	}
	if err := m.config.Gateway.Check(r.Context(), token); err != nil {
		m.config.Refuse(w, r, http.StatusUnauthorized, err)
		return
	}
	if !m.jar.write(w, r, sessionPurpose, content{Token: token}) {
		m.config.Refuse(w, r, http.StatusBadRequest, errors.New("the token is too long"))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (m *Manager) end(w http.ResponseWriter, r *http.Request) {
	if err := m.own(r); err != nil {
		m.config.Refuse(w, r, http.StatusForbidden, err)
		return
	}
	m.jar.clear(w, r, sessionPurpose)
	w.WriteHeader(http.StatusNoContent)
}

func (m *Manager) signIn(w http.ResponseWriter, r *http.Request) {
	issuer := r.URL.Query().Get("issuer")
	p, err := m.find(r.Context(), issuer, r)
	if err != nil {
		m.back(w, r, "/", err)
		return
	}
	to, begun := m.begin(p, issuer, r.URL.Query().Get("returnTo"))
	m.jar.write(w, r, signInPurpose, begun)
	http.Redirect(w, r, to, http.StatusFound)
}

func (m *Manager) callback(w http.ResponseWriter, r *http.Request) {
	var begun attempt
	known := m.jar.read(r, signInPurpose, &begun)
	m.jar.clear(w, r, signInPurpose)
	query := r.URL.Query()
	if !known || query.Get("state") != begun.State || m.config.Now().After(begun.Expires) {
		m.back(w, r, "/", errors.New("this sign-in was begun elsewhere, or too long ago; try again"))
		return
	}
	if told := query.Get("error"); told != "" {
		if text := query.Get("error_description"); text != "" {
			told = text
		}
		m.back(w, r, begun.ReturnTo, errors.New("the identity provider says: "+told))
		return
	}
	p, err := m.find(r.Context(), begun.Issuer, r)
	if err != nil {
		m.back(w, r, begun.ReturnTo, err)
		return
	}
	held, err := m.finish(r.Context(), p, begun, query.Get("code"))
	if err == nil {
		err = m.config.Gateway.Check(r.Context(), held.Token)
	}
	if err == nil && !m.jar.write(w, r, sessionPurpose, held) {
		// Without the refresh token it may fit.
		held.Refresh = ""
		if !m.jar.write(w, r, sessionPurpose, held) {
			err = errors.New("the ID token is too long for a cookie; have the provider tell fewer groups")
		}
	}
	m.back(w, r, begun.ReturnTo, err)
}

// back leads to a page of the console, which shows what went wrong.
func (m *Manager) back(w http.ResponseWriter, r *http.Request, path string, err error) {
	if err != nil {
		path = "/sign-in?" + url.Values{"error": {err.Error()}, "returnTo": {path}}.Encode()
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
}
