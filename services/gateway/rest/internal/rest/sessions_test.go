package rest

import (
	"bytes"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"stackyard.dev/rest/internal/session"
)

func withConsole(o *Options) {
	o.Console = fstest.MapFS{
		"index.html":     {Data: []byte(`<meta name="style-nonce" content="__NONCE__">`)},
		"assets/main.js": {Data: []byte("1")},
	}
}

// signedIn is a client that keeps the cookies of a session.
func signedIn(t *testing.T, url string) []*http.Cookie {
	t.Helper()
	response, body := call(t, "POST", url+"/session", `{"token": "somebody"}`, session.Header, "1", "Authorization", "")
	if response.StatusCode != 204 {
		t.Fatal(response.StatusCode, body)
	}
	return slices.DeleteFunc(response.Cookies(), func(c *http.Cookie) bool { return c.MaxAge < 0 })
}

// by calls with cookies, and with no token unless headers bring one.
func by(t *testing.T, cookies []*http.Cookie, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range cookies {
		request.AddCookie(cookie)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

const stackPath = "/v1/projects/p/stacks/web"

func TestASessionBecomesAToken(t *testing.T) {
	fake, _, url := start(t, nil)
	cookies := signedIn(t, url)
	response, body := by(t, cookies, "GET", url+stackPath, "")
	if response.StatusCode != 200 || strings.Join(fake.seen.Get("authorization"), ",") != "Bearer somebody" {
		t.Errorf("%d %s by %v", response.StatusCode, body, fake.seen.Get("authorization"))
	}
	for name := range fake.seen {
		if strings.Contains(name, "cookie") {
			t.Errorf("the gateway is told %s", name)
		}
	}
	if response.Header.Get("Cache-Control") != "no-store" || len(response.Cookies()) != 0 {
		t.Error(response.Header)
	}
	// Of who calls the gateway counts the tries.
	if from := fake.rest.whoSent.Get("x-forwarded-for"); len(from) != 1 || from[0] != "127.0.0.1" {
		t.Errorf("the token was tried by %v", from)
	}
	if id := fake.rest.whoSent.Get("x-request-id"); len(id) != 1 || id[0] == "" {
		t.Errorf("the token was tried in the request %v", id)
	}
	if response, _ := by(t, cookies, "POST", url+"/v1/projects?projectId=q", `{}`); response.StatusCode != 403 {
		t.Errorf("without the header: %d", response.StatusCode)
	}
	if response, body := by(t, cookies, "POST", url+"/v1/projects?projectId=q", `{}`, session.Header, "1"); response.StatusCode != 200 {
		t.Errorf("with the header: %d %s", response.StatusCode, body)
	}
}

func TestASessionOverServerSentEvents(t *testing.T) {
	fake, _, url := start(t, nil)
	cookies := signedIn(t, url)
	close(fake.more)
	response, body := by(t, cookies, "GET", url+stackPath+":watch", "", "Accept", "text/event-stream")
	if response.StatusCode != 200 || !strings.Contains(body, "id: 2\n") || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v %s", response.StatusCode, response.Header, body)
	}
}

func TestASessionDoesNotCountBesideAnAuthorizationHeader(t *testing.T) {
	fake, _, url := start(t, nil)
	cookies := signedIn(t, url)
	for _, headers := range [][]string{
		{"Authorization", "Bearer other"}, {"Authorization", ""}, {"Authorization", "Bearer caf\u00e9"},
		{"Authorization", "Bearer one", "Authorization", "Bearer two"},
	} {
		fake.seen = nil
		by(t, cookies, "GET", url+stackPath, "", headers...)
		if token := strings.Join(fake.seen.Get("authorization"), ","); strings.Contains(token, "somebody") {
			t.Errorf("beside %q the session counts", headers)
		}
	}
}

// Answers lie where the console does: what somebody wrote into them must not run there.
func TestBrowsersRunNothingOfTheAPI(t *testing.T) {
	_, _, url := start(t, withConsole)
	for _, path := range []string{stackPath, "/api/d", "/v1/nothing"} {
		response, _ := call(t, "GET", url+path, "", "Accept", "text/html")
		policy := response.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "sandbox") || !strings.Contains(policy, "default-src 'none'") ||
			response.Header.Get("X-Content-Type-Options") != "nosniff" || strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %v", path, response.Header)
		}
	}
}

// A public document may be kept by caches; not with a session's cookies, and not what a session got.
func TestPublicDocumentsBySession(t *testing.T) {
	_, _, url := start(t, nil)
	if response, _ := by(t, nil, "GET", url+"/api/d", ""); response.Header.Get("Cache-Control") != "public, max-age=60" {
		t.Error(response.Header)
	}
	if response, _ := by(t, signedIn(t, url), "GET", url+"/api/d", ""); response.Header.Get("Cache-Control") != "no-store" {
		t.Error(response.Header)
	}
}

func TestPagesOpenByLinksFromAnywhere(t *testing.T) {
	_, _, url := start(t, withConsole)
	cookies := signedIn(t, url)
	for _, path := range []string{"/", "/projects/p/stacks/web", "/session/callback?state=x"} {
		response, _ := by(t, cookies, "GET", url+path, "", "Accept", "text/html", "Sec-Fetch-Site", "cross-site")
		if response.StatusCode != 200 && response.StatusCode != 303 {
			t.Errorf("%s: %d", path, response.StatusCode)
		}
	}
	if response, _ := by(t, nil, "GET", url+"/", "", "Accept", "text/html"); response.Header.Get("Location") != "" {
		t.Error("the console is led away from", response.Header)
	}
	if response, _ := by(t, nil, "GET", url+"/stacks", "", "Accept", "application/json"); response.StatusCode != 404 {
		t.Error("programs get a page", response.StatusCode)
	}
	if response, body := by(t, nil, "GET", url+"/assets/gone.js", "", "Accept", "*/*"); response.StatusCode != 404 {
		t.Error(response.StatusCode, body)
	}
}

func TestSessionsByFlags(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte(base64.StdEncoding.EncodeToString(make([]byte, 32))+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	change := func(o *Options) {
		o.PublicURL, o.SessionKeys, o.GrafanaURL = "https://console.example", keys, "https://grafana.example/d/x"
	}
	_, _, url := start(t, change)
	cookies := signedIn(t, url)
	if len(cookies) != 1 || !cookies[0].Secure || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode ||
		cookies[0].Name != "__Host-stackyard-session" {
		t.Error(cookies)
	}
	response, body := by(t, nil, "GET", url+"/session", "")
	if !strings.Contains(body, `"links":{"grafana":"https://grafana.example/d/x"}`) ||
		!strings.Contains(body, `{"issuer":"https://id.example","displayName":"Example"}`) ||
		response.Header.Get("Cache-Control") != "no-store" {
		t.Error(body, response.Header)
	}
	// Another process with the same keys takes it; one with keys of its own does not.
	fake, _, other := start(t, change)
	if by(t, cookies, "GET", other+stackPath, ""); strings.Join(fake.seen.Get("authorization"), "") != "Bearer somebody" {
		t.Error("replicas do not share sessions")
	}
	fake, _, alone := start(t, func(o *Options) { o.PublicURL = "https://console.example" })
	if by(t, cookies, "GET", alone+stackPath, ""); len(fake.seen.Get("authorization")) != 0 {
		t.Error("a key of its own opens it")
	}
	for _, broken := range []func(*Options){
		func(o *Options) { o.SessionKeys = keys + "x" }, func(o *Options) { o.OIDCClientSecrets = keys },
	} {
		o := DefaultOptions()
		o.Listen = "127.0.0.1:0"
		broken(&o)
		if _, err := Start(o, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "--") {
			t.Errorf("starts with a file that is none: %v", err)
		}
	}
}

func TestSessionOptionsAreChecked(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	for _, good := range [][]string{{"--public-url", "https://a.example:8443"}, {"--grafana-url", "http://g/x?y=1"}} {
		if _, err := ParseOptions(good, none, nil); err != nil {
			t.Error(good, err)
		}
	}
	for _, bad := range [][]string{{"--public-url", "https://a.example/"}, {"--public-url", "a.example"},
		{"--public-url", "ftp://a"}, {"--grafana-url", "javascript:alert(1)"}, {"--grafana-url", "//g"},
		{"--grafana-url", "https://me:pw@g/"}, {"--grafana-url", "g/x"}} {
		if _, err := ParseOptions(bad, none, nil); err == nil || !strings.Contains(err.Error(), bad[0]) {
			t.Error(bad, err)
		}
	}
}

// Tokens, cookies and codes are in no log.
func TestSessionsAreNotLogged(t *testing.T) {
	var lines bytes.Buffer
	_, server, url := start(t, withConsole)
	server.http.Handler = withRequestID(withLog(NewLogger(&lines, slog.LevelDebug), server.options.WriteTimeout, server.http.Handler))
	cookies := signedIn(t, url)
	by(t, cookies, "GET", url+stackPath, "")
	by(t, cookies, "GET", url+"/session/callback?code=c0de&state=st4te", "")
	text := lines.String()
	if !strings.Contains(text, "/session/callback") {
		t.Fatal(text)
	}
	for _, secret := range []string{"somebody", cookies[0].Value, "c0de", "st4te"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is logged", secret)
		}
	}
}
