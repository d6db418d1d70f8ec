package session

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestSignInByCode(t *testing.T) {
	p := newPlace(t, nil)
	asked := p.begin("/projects/web?tab=runs")
	for name, want := range map[string]string{
		"response_type": "code", "client_id": clientID, "code_challenge_method": "S256",
		"redirect_uri": "http://console.example:8080/session/callback", "scope": "openid email offline_access",
	} {
		if asked.Get(name) != want {
			t.Errorf("%s is %q", name, asked.Get(name))
		}
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(asked.Get(name)) < 20 {
			t.Errorf("%s is %q", name, asked.Get(name))
		}
	}
	answer := p.come(url.Values{"code": {p.issuer.authorize(asked)}, "state": {asked.Get("state")}})
	if answer.StatusCode != 303 || answer.Header.Get("Location") != "/projects/web?tab=runs" {
		t.Fatal(answer.StatusCode, answer.Header)
	}
	token := p.whoseToken()
	if strings.Count(token, ".") != 2 || len(p.gateway.checked) != 1 || p.gateway.checked[0] != token {
		t.Errorf("%q, checked %v", token, p.gateway.checked)
	}
	if len(p.cookies) != 1 {
		t.Errorf("what was begun is left over: %v", p.cookies)
	}
	if told := p.told(); !strings.Contains(told, "expireTime") {
		t.Error(told)
	}
	// The code, and so the address, is of use once; who is signed in needs not hear of it.
	again := p.come(url.Values{"code": {"code-1"}, "state": {asked.Get("state")}})
	if again.Header.Get("Location") != "/" || p.whoseToken() != token || len(p.cookies) != 1 {
		t.Errorf("again: %v", again.Header)
	}
}

func TestTabsSignInSideBySide(t *testing.T) {
	p := newPlace(t, nil)
	first, second := p.begin("/first"), p.begin("/second")
	for _, cookie := range p.cookies {
		if cookie.MaxAge != 600 {
			t.Errorf("it lasts %d s: %v", cookie.MaxAge, cookie)
		}
	}
	// An answer to none of them ends none of them.
	for _, state := range []string{"", "x", first.Get("state")[:8], first.Get("state")[:8] + "AAAAAAAAAAAAAA", "a;b=c,d\r\n.1xxxxxxxxxxx"} {
		if to := p.come(url.Values{"code": {"x"}, "state": {state}}).Header.Get("Location"); !strings.HasPrefix(to, "/sign-in?") {
			t.Errorf("%q leads to %s", state, to)
		}
	}
	for _, tab := range []struct {
		asked url.Values
		to    string
	}{{second, "/second"}, {first, "/first"}} {
		query := url.Values{"code": {p.issuer.authorize(tab.asked)}, "state": {tab.asked.Get("state")}}
		if to := p.come(query).Header.Get("Location"); to != tab.to {
			t.Errorf("to %s: %s", to, p.told())
		}
	}
}

func TestSignInsThatWereBegunDoNotPileUp(t *testing.T) {
	p := newPlace(t, nil)
	for range 3 * maxAttempts {
		p.begin("/")
	}
	if len(p.cookies) != maxAttempts {
		t.Errorf("%d cookies", len(p.cookies))
	}
}

// Who has a session and begins anew is somebody else then.
func TestSignInOverASession(t *testing.T) {
	p := newPlace(t, nil)
	p.paste("good")
	if to := p.signIn("/stacks"); to != "/stacks" || p.whoseToken() == "good" {
		t.Errorf("to %s as %s", to, p.whoseToken())
	}
}

func TestOnlyWhatWasBegunHereIsTaken(t *testing.T) {
	type answer struct {
		change func(*place, url.Values)
		says   string
	}
	for what, how := range map[string]answer{
		"another state":    {func(_ *place, q url.Values) { q.Set("state", "x") }, "begun elsewhere"},
		"no state":         {func(_ *place, q url.Values) { q.Del("state") }, "begun elsewhere"},
		"another browser":  {func(p *place, _ url.Values) { clear(p.cookies) }, "begun elsewhere"},
		"too late":         {func(p *place, _ url.Values) { p.later(11 * time.Minute) }, "begun elsewhere"},
		"another code":     {func(_ *place, q url.Values) { q.Set("code", "x") }, "did not take the code back"},
		"another provider": {func(_ *place, q url.Values) { q.Set("iss", "https://evil.example") }, "another identity provider"},
		"a refusal": {func(_ *place, q url.Values) {
			q.Del("code")
			q.Set("error", "access_denied")
			q.Set("error_description", "not <you>")
		}, "not \\u003cyou\\u003e"},
		"another nonce":   {func(p *place, _ url.Values) { p.issuer.claims = map[string]any{"nonce": "x"} }, "another sign-in"},
		"for another":     {func(p *place, _ url.Values) { p.issuer.claims = map[string]any{"aud": "x"} }, "not valid"},
		"by another":      {func(p *place, _ url.Values) { p.issuer.claims = map[string]any{"iss": "x"} }, "not valid"},
		"over already":    {func(p *place, _ url.Values) { p.issuer.claims = map[string]any{"exp": 1} }, "not valid"},
		"without a token": {func(p *place, _ url.Values) { p.issuer.noIDToken = true }, "no ID token"},
		"without PKCE": {func(p *place, q url.Values) {
			p.issuer.codes[q.Get("code")].Set("code_challenge", "x")
		}, "did not take the code back"},
	} {
		p := newPlace(t, nil)
		asked := p.begin("/stacks")
		query := url.Values{"code": {p.issuer.authorize(asked)}, "state": {asked.Get("state")}}
		how.change(p, query)
		came := p.come(query)
		to := came.Header.Get("Location")
		if came.StatusCode != 303 || !strings.HasPrefix(to, "/sign-in?returnTo=") {
			t.Errorf("%s: %d to %s", what, came.StatusCode, to)
		}
		if p.whoseToken() != "" || len(p.gateway.checked) != 0 {
			t.Errorf("%s: signed in", what)
		}
		// The address says nothing that anybody could have written there.
		if told := p.told(); !strings.Contains(told, how.says) || strings.Contains(to, "error") {
			t.Errorf("%s: told %s", what, told)
		}
		if told := p.told(); strings.Contains(told, `"error"`) {
			t.Errorf("%s: told again: %s", what, told)
		}
	}
}

func TestAnIDTokenThatTheGatewayRefuses(t *testing.T) {
	p := newPlace(t, nil)
	p.manager.config.Gateway = refusing{p.gateway}
	p.signIn("/")
	if p.whoseToken() != "" || !strings.Contains(p.told(), "the token is not known") {
		t.Error("signed in")
	}
}

type refusing struct{ *fakeGateway }

func (g refusing) Check(ctx context.Context, _ string) error { return g.fakeGateway.Check(ctx, "bad") }

func TestPagesOfOtherSitesBeginNoSignIn(t *testing.T) {
	p := newPlace(t, nil)
	for what, headers := range foreign {
		answer := p.send("GET", "/session/sign-in?returnTo=/x&issuer="+url.QueryEscape(p.issuer.URL), "", headers...)
		if answer.StatusCode != 303 || answer.Header.Get("Location") != "/sign-in?returnTo=%2Fx" || len(p.cookies) != 0 {
			t.Errorf("%s: %d %v", what, answer.StatusCode, answer.Header)
		}
	}
}

func TestUnknownProviders(t *testing.T) {
	p := newPlace(t, nil)
	for _, issuer := range []string{"", "https://evil.example", "https://programs.example"} {
		answer := p.send("GET", "/session/sign-in?returnTo=/x&issuer="+url.QueryEscape(issuer), "")
		if answer.StatusCode != 303 || answer.Header.Get("Location") != "/sign-in?returnTo=%2Fx" {
			t.Errorf("%q: %d %v", issuer, answer.StatusCode, answer.Header)
		}
		if told := p.told(); !strings.Contains(told, errProvider.Error()) {
			t.Error(told)
		}
	}
	p.issuer.Close()
	if p.send("GET", "/session/sign-in?issuer="+url.QueryEscape(p.issuer.URL), ""); !strings.Contains(p.told(), "does not answer") {
		t.Error("a provider that is away is not told of")
	}
}

func TestProgramsThatTryLinksUseNothingUp(t *testing.T) {
	p := newPlace(t, nil)
	asked := p.begin("/")
	query := url.Values{"code": {p.issuer.authorize(asked)}, "state": {asked.Get("state")}}
	for _, path := range []string{"/session/callback?" + query.Encode(), "/session/sign-in?issuer=" + url.QueryEscape(p.issuer.URL)} {
		if answer := p.send("HEAD", path, ""); answer.StatusCode != 405 {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
	if to := p.come(query).Header.Get("Location"); to != "/" || p.whoseToken() == "" {
		t.Errorf("to %s", to)
	}
}

func TestASignInEndsHere(t *testing.T) {
	for given, want := range map[string]string{
		"": "/", "/": "/", "/stacks?filter=a%20b&x=1#y": "/stacks?filter=a%20b&x=1#y",
		"//evil.example": "/", "/\\evil.example": "/", "\\\\evil.example": "/", "https://evil.example": "/",
		"https:/evil.example": "/", "javascript:alert(1)": "/", "evil.example": "/", "/a\r\nSet-Cookie: x=y": "/",
		"///evil.example": "/", "/\t/evil.example": "/", " //evil.example": "/", "/%zz": "/",
		"/" + strings.Repeat("x", maxPathBytes): "/", "http:evil.example": "/", "data:text/html,x": "/",
	} {
		if got := localPath(given); got != want {
			t.Errorf("%.40q leads to %.40q", given, got)
		}
	}
	p := newPlace(t, nil)
	for _, given := range []string{"//evil.example", "https://evil.example", "/..//evil.example", "/%2f%2fevil.example"} {
		to, err := url.Parse("http://console.example/session/callback")
		if err != nil {
			t.Fatal(err)
		}
		if to, err = to.Parse(p.signIn(given)); err != nil || to.Host != "console.example" {
			t.Errorf("%q leads to %v %v", given, to, err)
		}
	}
}

func TestSecretsOfClients(t *testing.T) {
	p := newPlace(t, nil)
	p.issuer.secret = "s3cret"
	if p.signIn("/"); p.whoseToken() != "" {
		t.Fatal("without the secret")
	}
	p.manager.config.ClientSecrets = map[string]string{p.issuer.URL: "s3cret"}
	clear(p.manager.providers)
	if p.signIn("/"); p.whoseToken() == "" {
		t.Error("with the secret:", p.told())
	}
}

// What a provider says, and where it is asked, is for the log.
func TestCausesAreForTheLog(t *testing.T) {
	var lines bytes.Buffer
	p := newPlace(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&lines, nil)) })
	asked := p.begin("/")
	query := url.Values{"code": {"c0de"}, "state": {asked.Get("state")}}
	p.send("GET", "/session/callback?"+query.Encode(), "", "X-Request-Id", "abc123")
	if told := p.told(); !strings.Contains(told, `"the identity provider did not take the code back (request abc123)"`) {
		t.Error(told)
	}
	text := lines.String()
	if !strings.Contains(text, "no such code") || !strings.Contains(text, "request_id=abc123") ||
		strings.Contains(text, "c0de") || strings.Contains(text, asked.Get("state")) {
		t.Error(text)
	}
	p.issuer.life = 10 * time.Minute
	p.signIn("/")
	refresh := p.held().Refresh
	clear(p.issuer.refreshTokens)
	p.later(9*time.Minute + 30*time.Second)
	lines.Reset()
	for range 3 {
		p.send("GET", "/v1/whoami", "", "X-Request-Id", "def456")
	}
	text = lines.String()
	if strings.Count(text, "used up") != 1 || !strings.Contains(text, "request_id=def456") || strings.Contains(text, refresh) {
		t.Error(text)
	}
}

func TestAProviderThatIsAwayIsAskedNowAndThen(t *testing.T) {
	p := newPlace(t, nil)
	begins := func() bool {
		answer := p.send("GET", "/session/sign-in?issuer="+url.QueryEscape(p.issuer.URL), "")
		return answer.StatusCode == http.StatusFound
	}
	p.issuer.away = true
	for range 5 {
		if begins() {
			t.Error("begun with nobody")
		}
	}
	if p.issuer.discovered != 1 {
		t.Errorf("asked %d times", p.issuer.discovered)
	}
	// What it said before is as good as what it would say.
	p = newPlace(t, nil)
	begins()
	p.issuer.away = true
	p.later(2 * rediscover)
	for range 5 {
		if !begins() {
			t.Error(p.told())
		}
	}
	if p.issuer.discovered != 2 {
		t.Errorf("asked %d times", p.issuer.discovered)
	}
}

// The gateway counts what an address tries, before a provider is called.
func TestTheGatewayIsAskedBeforeEachExchange(t *testing.T) {
	p := newPlace(t, nil)
	p.issuer.life = 10 * time.Minute
	asked := p.begin("/")
	query := url.Values{"code": {p.issuer.authorize(asked)}, "state": {asked.Get("state")}}
	p.gateway.away = errors.New("too many tries")
	if p.come(query); p.whoseToken() != "" || len(p.issuer.codes) != 1 || !strings.Contains(p.told(), "try again in a moment") {
		t.Error("the code was exchanged")
	}
	p.gateway.away = nil
	p.signIn("/")
	p.gateway.away = errors.New("too many tries")
	p.later(9*time.Minute + 30*time.Second)
	if token := p.whoseToken(); token == "" || p.issuer.refreshed != 0 {
		t.Error("the session was renewed")
	}
}

func TestHowAClientSaysWhoItIs(t *testing.T) {
	for _, c := range []struct {
		secret  string
		methods []string
		basic   bool
	}{
		{"s3cret", nil, true},
		{"s3cret", []string{"client_secret_post", "client_secret_basic"}, true},
		{"s3cret", []string{"client_secret_post"}, false},
		{"s3cret", []string{"private_key_jwt"}, true},
		{"", []string{"client_secret_basic"}, false},
	} {
		p := newPlace(t, func(config *Config) { config.ClientSecrets = map[string]string{} })
		p.config.ClientSecrets[p.issuer.URL] = c.secret
		p.issuer.secret, p.issuer.methods, p.issuer.life = c.secret, c.methods, 10*time.Minute
		if p.signIn("/"); p.whoseToken() == "" || p.issuer.basic != c.basic {
			t.Errorf("%+v: by a header %v; %s", c, p.issuer.basic, p.told())
		}
		p.later(9*time.Minute + 30*time.Second)
		if p.whoseToken(); p.issuer.refreshed != 1 || p.issuer.basic != c.basic {
			t.Errorf("%+v: renewed by a header %v", c, p.issuer.basic)
		}
	}
}

func TestLargeTokensGoWithoutRefreshing(t *testing.T) {
	p := newPlace(t, nil)
	// Too large together with the refresh token, and not without.
	p.issuer.claims, p.issuer.padding = map[string]any{"groups": strings.Repeat("g", 6_000)}, strings.Repeat("r", 4_000)
	if to := p.signIn("/"); to != "/" {
		t.Fatal(p.told())
	}
	if held := p.held(); held.Token == "" || held.Refresh != "" {
		t.Errorf("%+v", held)
	}
	p.issuer.claims = map[string]any{"groups": strings.Repeat("g", 20_000)}
	if p.signIn("/"); !strings.Contains(p.told(), "too long for a cookie") {
		t.Error("not told")
	}
}

// held opens the session, as this program alone can.
func (p *place) held() (held content) {
	r, _ := http.NewRequest("GET", "/", nil)
	r.Host = p.host
	for _, cookie := range p.cookies {
		r.AddCookie(cookie)
	}
	p.manager.jar.read(r, sessionPurpose, &held)
	return held
}

func TestATokenIsRenewedOnceForMany(t *testing.T) {
	p := newPlace(t, nil)
	p.issuer.life = 10 * time.Minute
	p.signIn("/")
	first, id := p.whoseToken(), p.held().ID
	if p.later(8 * time.Minute); p.whoseToken() != first || p.issuer.refreshed != 0 {
		t.Error("renewed too early")
	}
	p.later(90 * time.Second)
	p.issuer.life = time.Hour
	p.issuer.entered, p.issuer.release = make(chan struct{}, 1), make(chan struct{})
	const many = 8
	// Browsers of their own, with the same cookies: requests that go out at once.
	tokens := make(chan string, many)
	var all sync.WaitGroup
	for range many {
		own := &browser{t: t, handler: p.handler, host: p.host, cookies: map[string]*http.Cookie{}}
		for name, cookie := range p.cookies {
			own.cookies[name] = cookie
		}
		all.Go(func() { tokens <- own.whoseTokenQuietly() })
	}
	<-p.issuer.entered
	close(p.issuer.release)
	all.Wait()
	close(tokens)
	renewed := p.whoseToken() // With the old cookie, a moment later.
	for token := range tokens {
		if token != renewed || token == first {
			t.Errorf("one goes on with another token: %s", claimsOf(token))
		}
	}
	if p.issuer.refreshed != 1 {
		t.Errorf("renewed %d times", p.issuer.refreshed)
	}
	if held := p.held(); held.ID != id || id == "" || held.Token != renewed || held.Refresh != "refresh-2" || held.Subject != "ada" {
		t.Errorf("%+v", held)
	}
}

// whoseTokenQuietly may be called by several at once.
func (b *browser) whoseTokenQuietly() string {
	return strings.TrimPrefix(textOf(b.send("GET", "/v1/whoami", "")), "Bearer ")
}

func claimsOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return token
	}
	text, _ := base64.RawURLEncoding.DecodeString(parts[1])
	return string(text)
}

func TestATokenThatCannotBeRenewedLastsToItsEnd(t *testing.T) {
	for what, spoil := range map[string]func(*issuer){
		"used up":       func(i *issuer) { clear(i.refreshTokens) },
		"somebody else": func(i *issuer) { i.claims = map[string]any{"sub": "eve"} },
		"no ID token":   func(i *issuer) { i.noIDToken = true },
		"away":          func(i *issuer) { i.Close() },
	} {
		p := newPlace(t, nil)
		p.issuer.life = 10 * time.Minute
		p.signIn("/")
		first := p.whoseToken()
		spoil(p.issuer)
		p.later(9*time.Minute + 30*time.Second)
		for range 3 {
			if token := p.whoseToken(); token != first {
				t.Errorf("%s: goes on as %s", what, claimsOf(token))
			}
		}
		// Not by every request.
		if p.issuer.refreshed > 1 {
			t.Errorf("%s: asked %d times", what, p.issuer.refreshed)
		}
	}
}
