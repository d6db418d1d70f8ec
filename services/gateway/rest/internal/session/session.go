// Package session signs people in to the console. Their token lies sealed in a cookie that no
// script can read; this program keeps nothing of it.
package session

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Provider is an identity provider as the gateway tells of it.
type Provider struct {
	Issuer      string   `json:"issuer"`
	DisplayName string   `json:"displayName"`
	ClientID    string   `json:"-"`
	Scopes      []string `json:"-"`
}

// Gateway is what a session asks of the API.
type Gateway interface {
	// Providers are those that users may come from.
	Providers(ctx context.Context) ([]Provider, error)
	// Check answers nil for a token that is let in.
	Check(ctx context.Context, token string) error
}

// Config is what a Manager is made of.
type Config struct {
	Seal *Seal
	// Secure tells whether the browser reached us by TLS, also through a proxy that is trusted.
	Secure func(*http.Request) bool
	// Origin is `https://host[:port]` of the console as browsers see it; empty: as the request says.
	Origin string
	// Gateway is asked as whoever calls.
	Gateway Gateway
	// Client is used towards providers.
	Client *http.Client
	// ClientSecrets by issuer; most have none, since PKCE does without.
	ClientSecrets map[string]string
	// Links lead from the console to elsewhere, by what is there.
	Links map[string]string
	// Refuse writes an error in the API's own shape.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, err error)
	// Log gets what is not for the page: why a provider or the gateway failed.
	Log *slog.Logger
	// Now is the clock.
	Now func() time.Time
}

// Manager serves `/session` and turns sessions into tokens.
type Manager struct {
	config    Config
	jar       jar
	mutex     sync.Mutex
	providers map[string]*provider
	refreshes flights[content]
	// discoveries are remembered in providers; their faults here.
	discoveries flights[*provider]
}

// New makes a Manager.
func New(config Config) *Manager {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Client == nil {
		config.Client = &http.Client{Timeout: 10 * time.Second}
	}
	config.Client = bounded(config.Client)
	return &Manager{
		config:    config,
		jar:       jar{seal: config.Seal, secure: config.Secure},
		providers: map[string]*provider{},
		refreshes: flights[content]{remembered: renewedFor},
	}
}

// Header must be sent with whatever changes something: no page of another site can send it without
// asking, and none is let.
const Header = "X-Stackyard-Console"

var (
	errForeign = errors.New("a page of another site asked for this")
	errMark    = errors.New("the header " + Header + " must come with this")
)

// Guard gives requests that come with a session the session's token. A session never counts beside a
// token of the request's own, nor for another site: such a request comes from nobody. Cookies go no
// further than this.
func (m *Manager) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, given := r.Header["Authorization"]
		held, ok := m.jar.session(r)
		if given || !ok || m.foreign(r) {
			r.Header.Del("Cookie")
			next.ServeHTTP(w, r)
			return
		}
		if unmarked(r) {
			m.config.Refuse(w, r, http.StatusForbidden, errMark)
			return
		}
		held = m.fresh(w, r, held)
		r.Header.Del("Cookie")
		r.Header.Set("Authorization", "Bearer "+held.Token)
		next.ServeHTTP(&private{ResponseWriter: w}, r)
	})
}

// foreign tells what browsers say of a request that is not the console's own.
func (m *Manager) foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return true
	}
	origin := r.Header.Get("Origin")
	return origin != "" && origin != m.origin(r)
}

// unmarked tells of a request that may change something that it lacks the header.
func unmarked(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead && r.Header.Get(Header) == ""
}

// own refuses what is not the console's own.
func (m *Manager) own(r *http.Request) error {
	switch {
	case m.foreign(r):
		return errForeign
	case unmarked(r):
		return errMark
	}
	return nil
}

func (m *Manager) origin(r *http.Request) string {
	if m.config.Origin != "" {
		return m.config.Origin
	}
	if m.config.Secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// early is how long before its end a token is renewed.
const early = time.Minute

// renewedFor is how long a renewed session is handed out: requests that left the browser before the
// new cookie arrived still come with the old one.
const renewedFor = time.Minute

// fresh renews an ID token that ends soon. Where that fails the old one goes on as long as it
// lasts, and then the gateway says so.
func (m *Manager) fresh(w http.ResponseWriter, r *http.Request, held content) content {
	if held.Refresh == "" || held.Expires.IsZero() || m.config.Now().Add(early).Before(held.Expires) {
		return held
	}
	// Requests of one page come at once: providers take a refresh token once.
	renewed, err := m.refreshes.do(r.Context(), held.Refresh, func() (content, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 10*time.Second)
		defer cancel()
		renewed, err := m.refresh(ctx, held)
		if err != nil {
			m.log(r, "a session was not renewed", err)
		}
		return renewed, err
	})
	if err != nil {
		return held
	}
	if !m.jar.write(w, r, sessionPurpose, renewed) {
		return held
	}
	return renewed
}
