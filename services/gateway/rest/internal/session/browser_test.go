package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fakeGateway knows some providers, and takes any token that is not `bad…`.
type fakeGateway struct {
	providers []Provider
	away      error
	checked   []string
}

func (g *fakeGateway) Providers(context.Context) ([]Provider, error) { return g.providers, g.away }

func (g *fakeGateway) Check(_ context.Context, token string) error {
	g.checked = append(g.checked, token)
	if strings.HasPrefix(token, "bad") {
		return errors.New("the token is not known")
	}
	return nil
}

// browser keeps cookies as one does, and goes where it is sent only when asked to.
type browser struct {
	t       *testing.T
	handler http.Handler
	cookies map[string]*http.Cookie
	host    string
}

// place is a console with one provider.
type place struct {
	*browser
	manager *Manager
	gateway *fakeGateway
	issuer  *issuer
	config  *Config
	// seen are the requests that the API got.
	mutex sync.Mutex
	seen  []*http.Request
	// clock is added to the time.
	clock atomic.Int64
	// answer of the API; nil: nothing special.
	answer http.HandlerFunc
}

func newPlace(t *testing.T, change func(*Config)) *place {
	t.Helper()
	own := newIssuer(t)
	p := &place{issuer: own, gateway: &fakeGateway{providers: []Provider{
		{Issuer: own.URL, DisplayName: "Here", ClientID: clientID, Scopes: []string{"email", "offline_access"}},
		{Issuer: "https://programs.example", DisplayName: "Programs alone"},
	}}}
	p.config = &Config{
		Seal:    RandomSeal(),
		Secure:  func(*http.Request) bool { return false },
		Gateway: p.gateway,
		Refuse: func(w http.ResponseWriter, _ *http.Request, status int, err error) {
			http.Error(w, err.Error(), status)
		},
		Now: func() time.Time { return time.Now().Add(time.Duration(p.clock.Load())) },
	}
	if change != nil {
		change(p.config)
	}
	p.manager = New(*p.config)
	mux := http.NewServeMux()
	mux.Handle("/session", p.manager.Routes())
	mux.Handle("/session/", p.manager.Routes())
	mux.Handle("/", p.manager.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mutex.Lock()
		p.seen = append(p.seen, r.Clone(context.Background()))
		p.mutex.Unlock()
		if p.answer != nil {
			p.answer(w, r)
			return
		}
		_, _ = io.WriteString(w, r.Header.Get("Authorization"))
	})))
	p.browser = &browser{t: t, handler: mux, cookies: map[string]*http.Cookie{}, host: "console.example:8080"}
	return p
}

// later lets time go by.
func (p *place) later(d time.Duration) { p.clock.Add(int64(d)) }

// send answers what one request of the browser brings; headers come in pairs, and an empty value
// takes one away.
func (b *browser) send(method, target, body string, headers ...string) *http.Response {
	b.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = b.host
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method != http.MethodGet && method != http.MethodHead {
		r.Header.Set("Origin", "http://"+b.host)
		r.Header.Set(Header, "1")
	}
	for _, cookie := range b.cookies {
		r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	recorder := httptest.NewRecorder()
	b.handler.ServeHTTP(recorder, r)
	answer := recorder.Result()
	b.keep(answer)
	return answer
}

// keep takes up the cookies of an answer.
func (b *browser) keep(answer *http.Response) {
	for _, cookie := range answer.Cookies() {
		if cookie.MaxAge < 0 {
			delete(b.cookies, cookie.Name)
		} else {
			b.cookies[cookie.Name] = cookie
		}
	}
}

// sessions are the cookies of the session alone.
func (b *browser) sessions() map[string]*http.Cookie {
	own := maps.Clone(b.cookies)
	maps.DeleteFunc(own, func(name string, _ *http.Cookie) bool { return !strings.Contains(name, "-"+sessionPurpose) })
	return own
}

func textOf(r *http.Response) string {
	text, _ := io.ReadAll(r.Body)
	return string(text)
}

// whoseToken is the token that a call of the API goes on with.
func (b *browser) whoseToken() string {
	b.t.Helper()
	return strings.TrimPrefix(textOf(b.send("GET", "/v1/whoami", "")), "Bearer ")
}

func (b *browser) paste(token string) *http.Response {
	return b.send("POST", "/session", fmt.Sprintf(`{"token": %q}`, token))
}

// begin begins a sign-in and answers what the provider is asked.
func (p *place) begin(returnTo string) url.Values {
	p.t.Helper()
	answer := p.send("GET", "/session/sign-in?"+url.Values{"issuer": {p.issuer.URL}, "returnTo": {returnTo}}.Encode(), "")
	to, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || answer.StatusCode != http.StatusFound || !strings.HasPrefix(to.String(), p.issuer.URL+"/auth?") {
		p.t.Fatalf("%d to %v", answer.StatusCode, to)
	}
	return to.Query()
}

// come comes back from the provider, as browsers do: from another site.
func (p *place) come(query url.Values) *http.Response {
	return p.send("GET", "/session/callback?"+query.Encode(), "", "Sec-Fetch-Site", "cross-site")
}

// signIn is the whole way, and answers where it ends.
func (p *place) signIn(returnTo string) string {
	p.t.Helper()
	asked := p.begin(returnTo)
	return p.come(url.Values{"code": {p.issuer.authorize(asked)}, "state": {asked.Get("state")}}).Header.Get("Location")
}

// fault is what the page tells of a sign-in that failed.
func (p *place) told() string {
	p.t.Helper()
	return textOf(p.send("GET", "/session", ""))
}
