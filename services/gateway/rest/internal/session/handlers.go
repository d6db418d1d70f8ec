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
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		m.config.Refuse(w, r, http.StatusNotFound, errors.New("there is nothing here to "+r.Method))
	})
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
	// Error is why the last sign-in failed; it is told once.
	Error string            `json:"error,omitempty"`
	Links map[string]string `json:"links,omitempty"`
}

func (m *Manager) show(w http.ResponseWriter, r *http.Request) {
	if err := m.own(r); err != nil {
		m.config.Refuse(w, r, http.StatusForbidden, err)
		return
	}
	answer := shown{Providers: []Provider{}, Links: m.config.Links}
	held, signedIn := m.jar.session(r)
	if answer.SignedIn = signedIn; signedIn && !held.Expires.IsZero() {
		answer.ExpireTime = &held.Expires
	}
	var told fault
	if m.jar.read(r, faultPurpose, &told) {
		if m.config.Now().Before(told.Expires) {
			answer.Error = told.Text
		}
		m.jar.clear(w, r, faultPurpose)
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
	if strings.ContainsFunc(token, func(c rune) bool { return c < 0x21 || c > 0x7e }) {
		// No header could bring it to the gateway.
		m.config.Refuse(w, r, http.StatusBadRequest, errors.New("a token has no spaces and ASCII characters alone"))
		return
	}
	if err := m.config.Gateway.Check(r.Context(), token); err != nil {
		m.config.Refuse(w, r, http.StatusUnauthorized, err)
		return
	}
	if !m.jar.begin(w, r, content{Token: token}) {
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
	m.jar.end(w, r)
	m.jar.clear(w, r, sessionPurpose)
	w.WriteHeader(http.StatusNoContent)
}

func (m *Manager) signIn(w http.ResponseWriter, r *http.Request) {
	issuer, returnTo := r.URL.Query().Get("issuer"), localPath(r.URL.Query().Get("returnTo"))
	if !m.opened(w, r) {
		return
	}
	if m.foreign(r) {
		// Nobody is signed in, as whomever a provider remembers, by a page of another site.
		http.Redirect(w, r, signInPage(returnTo), http.StatusSeeOther)
		return
	}
	p, err := m.find(r.Context(), issuer)
	if err != nil {
		m.back(w, r, returnTo, err)
		return
	}
	to, begun := m.begin(p.at(m.origin(r)), issuer, returnTo)
	m.jar.thin(w, r, signInPurpose+"-", maxAttempts-1)
	if !m.jar.writeFor(w, r, begun.purpose(), begun, attemptLife) {
		m.back(w, r, "/", errors.New("this sign-in is too large for a cookie"))
		return
	}
	http.Redirect(w, r, to, http.StatusFound)
}

func (m *Manager) callback(w http.ResponseWriter, r *http.Request) {
	if !m.opened(w, r) {
		return
	}
	begun := attempt{State: r.URL.Query().Get("state")}
	state := begun.State
	known := stateForm.MatchString(state) && m.jar.read(r, begun.purpose(), &begun) && begun.State == state
	if known {
		m.jar.clear(w, r, begun.purpose())
	}
	if !known || m.config.Now().After(begun.Expires) {
		var err error
		if _, signedIn := m.jar.session(r); !signedIn {
			err = errors.New("this sign-in was begun elsewhere, or too long ago; try again")
		}
		// Who came back twice, by the browser's history say, is signed in already.
		m.back(w, r, "/", err)
		return
	}
	held, err := m.answered(r, begun)
	if err == nil {
		err = m.config.Gateway.Check(r.Context(), held.Token)
	}
	if err == nil && !m.jar.begin(w, r, held) {
		// Without the refresh token it may fit.
		held.Refresh = ""
		if !m.jar.begin(w, r, held) {
			err = errors.New("the ID token is too long for a cookie; have the provider tell fewer groups")
		}
	}
	m.back(w, r, begun.ReturnTo, err)
}

// answered is what a provider's answer to a sign-in brings.
func (m *Manager) answered(r *http.Request, begun attempt) (content, error) {
	query := r.URL.Query()
	// RFC 9207: one provider must not answer for another.
	if issuer := query.Get("iss"); issuer != "" && issuer != begun.Issuer {
		return content{}, errors.New("another identity provider answered")
	}
	if told := query.Get("error"); told != "" {
		if text := query.Get("error_description"); text != "" {
			told = text
		}
		return content{}, errors.New("the identity provider says: " + told)
	}
	p, err := m.find(r.Context(), begun.Issuer)
	if err != nil {
		return content{}, err
	}
	return m.finish(r.Context(), p.at(m.origin(r)), begun, query.Get("code"))
}

// opened refuses what is no visit of a browser: programs that try links with HEAD would use up a code.
func (m *Manager) opened(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet {
		return true
	}
	m.config.Refuse(w, r, http.StatusMethodNotAllowed, errors.New("only browsers come here"))
	return false
}

// shownBytes of a fault are shown.
const shownBytes = 500

// back leads to a page of the console; when something went wrong to the one that shows it.
func (m *Manager) back(w http.ResponseWriter, r *http.Request, path string, err error) {
	if err != nil {
		text := m.told(r, err)
		text = strings.ToValidUTF8(text[:min(len(text), shownBytes)], "")
		m.jar.write(w, r, faultPurpose, fault{Text: text, Expires: m.config.Now().Add(time.Minute)})
		path = signInPage(path)
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
}

func signInPage(returnTo string) string {
	return "/sign-in?" + url.Values{"returnTo": {returnTo}}.Encode()
}
