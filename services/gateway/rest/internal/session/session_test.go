package session

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestATokenIsCheckedBeforeItIsKept(t *testing.T) {
	p := newPlace(t, nil)
	if answer := p.paste("bad"); answer.StatusCode != 401 || len(p.cookies) != 0 {
		t.Errorf("a wrong token: %d, cookies %v", answer.StatusCode, p.cookies)
	}
	for _, body := range []string{"", "{}", `{"token": " "}`, "token", `{"token": "` + strings.Repeat("x", maxTokenBytes) + `"}`} {
		if answer := p.send("POST", "/session", body); answer.StatusCode != 400 || len(p.cookies) != 0 {
			t.Errorf("%.20s: %d, cookies %v", body, answer.StatusCode, p.cookies)
		}
	}
	for _, token := range []string{"a b", "a\tb", "caf\u00e9", "a\x00", "a\x7f", "a\r\nX-Other: b"} {
		body, _ := json.Marshal(map[string]string{"token": token})
		if answer := p.send("POST", "/session", string(body)); answer.StatusCode != 400 || len(p.cookies) != 0 {
			t.Errorf("%q: %d, cookies %v", token, answer.StatusCode, p.cookies)
		}
	}
	if answer := p.paste(" good\n"); answer.StatusCode != 204 {
		t.Fatal(answer.StatusCode, textOf(answer))
	}
	if !slices.Equal(p.gateway.checked, []string{"bad", "good"}) {
		t.Errorf("checked %v", p.gateway.checked)
	}
	if token := p.whoseToken(); token != "good" {
		t.Errorf("the call goes on with %q", token)
	}
}

func TestCookiesAreForThisHostAndNoScript(t *testing.T) {
	for _, secure := range []bool{false, true} {
		p := newPlace(t, func(c *Config) { c.Secure = func(*http.Request) bool { return secure } })
		answer := p.send("POST", "/session", `{"token": "good"}`, "Origin", "")
		cookies := slices.DeleteFunc(answer.Cookies(), func(c *http.Cookie) bool { return c.MaxAge < 0 })
		if len(cookies) != 1 {
			t.Fatalf("secure %v: %v", secure, cookies)
		}
		c := cookies[0]
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.Secure != secure {
			t.Errorf("secure %v: %v", secure, c)
		}
		// It ends with the browser's session, however often it is used.
		if c.MaxAge != 0 || !c.Expires.IsZero() {
			t.Errorf("it lasts: %v", c)
		}
		if strings.HasPrefix(c.Name, "__Host-") != secure || strings.Contains(c.Value, "good") {
			t.Errorf("secure %v: %v", secure, c)
		}
	}
}

func TestMeshesSideBySideHaveCookiesOfTheirOwn(t *testing.T) {
	p := newPlace(t, nil)
	p.paste("one")
	p.host = "console.example:9090"
	if token := p.whoseToken(); token != "" {
		t.Errorf("the other port takes it: %s", token)
	}
	p.paste("two")
	p.host = "console.example:8080"
	if token := p.whoseToken(); token != "one" {
		t.Errorf("it was overwritten: %q", token)
	}
}

func TestLongTokensAreSpreadOverCookies(t *testing.T) {
	p := newPlace(t, nil)
	long := strings.Repeat("0123456789abcdef", 500)[:8_000]
	if answer := p.paste(long); answer.StatusCode != 204 {
		t.Fatal(answer.StatusCode, textOf(answer))
	}
	if len(p.cookies) != 3 {
		t.Errorf("%d cookies", len(p.cookies))
	}
	for name, cookie := range p.cookies {
		if len(name)+len(cookie.Value) > 4_000 {
			t.Errorf("%s has %d bytes", name, len(cookie.Value))
		}
	}
	if p.whoseToken() != long {
		t.Error("it does not come back whole")
	}
	// A piece that is missing, or another session's, is no session.
	whole := maps.Clone(p.cookies)
	for name := range whole {
		delete(p.cookies, name)
		if token := p.whoseToken(); token != "" {
			t.Errorf("without %s: %.20s", name, token)
		}
		p.cookies = maps.Clone(whole)
	}
	// A shorter one leaves none of the longer behind.
	p.paste("short")
	if len(p.sessions()) != 1 || p.whoseToken() != "short" {
		t.Errorf("%d cookies, %.20s", len(p.cookies), p.whoseToken())
	}
	if p.send("DELETE", "/session", ""); len(p.sessions()) != 0 {
		t.Errorf("after the end: %v", p.cookies)
	}
}

func TestWhatWasNotSealedHereIsNoSession(t *testing.T) {
	p, other := newPlace(t, nil), newPlace(t, nil)
	other.paste("good")
	p.cookies = other.cookies
	if token := p.whoseToken(); token != "" {
		t.Errorf("it goes on with %q", token)
	}
	// A sign-in that was begun is sealed by the same key, and no session.
	p.cookies = map[string]*http.Cookie{}
	p.begin("/")
	for name, cookie := range maps.Clone(p.cookies) {
		session := name[:strings.Index(name, signInPurpose)] + sessionPurpose
		p.cookies[session] = &http.Cookie{Name: session, Value: cookie.Value}
	}
	if token := p.whoseToken(); token != "" {
		t.Errorf("it goes on with %q", token)
	}
}

func TestASessionEnds(t *testing.T) {
	p := newPlace(t, nil)
	p.paste("good")
	if answer := p.send("DELETE", "/session", ""); answer.StatusCode != 204 || len(p.sessions()) != 0 {
		t.Errorf("%d %v", answer.StatusCode, p.cookies)
	}
	if token := p.whoseToken(); token != "" {
		t.Errorf("it goes on with %q", token)
	}
	if answer := p.send("DELETE", "/session", ""); answer.StatusCode != 204 || len(p.sessions()) != 0 {
		t.Errorf("again: %d %v", answer.StatusCode, answer.Cookies())
	}
}

// An answer that comes late brings the session's cookie back.
func TestASessionThatEndedDoesNotComeBack(t *testing.T) {
	for what, over := range map[string]func(*place){
		"sign-out":    func(p *place) { p.send("DELETE", "/session", "") },
		"new sign-in": func(p *place) { p.paste("new") },
		"many more": func(p *place) {
			for range maxEnded {
				p.paste("new")
			}
		},
	} {
		p := newPlace(t, nil)
		p.paste(strings.Repeat("old", 2_000))
		late := p.sessions()
		over(p)
		maps.Copy(p.cookies, late)
		if token := p.whoseToken(); token != "" {
			t.Errorf("%s: goes on as %.10s", what, token)
		}
		if told := p.told(); !strings.Contains(told, `"signedIn":false`) {
			t.Errorf("%s: %s", what, told)
		}
		// The way in is not barred by it.
		if p.paste("again"); p.whoseToken() != "again" {
			t.Errorf("%s: the next sign-in is %q", what, p.whoseToken())
		}
	}
}

// Nor do pieces of an answer that came meanwhile stay beside those of the next one.
func TestPiecesOfAnotherSessionAreTakenAway(t *testing.T) {
	p := newPlace(t, nil)
	p.paste(strings.Repeat("old", 2_000))
	late := p.sessions()
	clear(p.cookies)
	answer := p.paste("new")
	maps.Copy(p.cookies, late)
	p.keep(answer)
	if p.whoseToken() != "new" {
		t.Errorf("goes on as %.10q", p.whoseToken())
	}
}

// What browsers tell of requests that are not the console's own.
var foreign = map[string][]string{
	"another site":      {"Sec-Fetch-Site", "cross-site"},
	"another subdomain": {"Sec-Fetch-Site", "same-site"},
	"another origin":    {"Sec-Fetch-Site", "", "Origin", "http://evil.example"},
	"another port":      {"Sec-Fetch-Site", "", "Origin", "http://console.example:9090"},
	"another scheme":    {"Sec-Fetch-Site", "", "Origin", "https://console.example:8080"},
	"no origin at all":  {"Sec-Fetch-Site", "", "Origin", "null"},
}

func TestASessionCountsForTheConsoleAlone(t *testing.T) {
	p := newPlace(t, nil)
	p.paste("good")
	for what, headers := range foreign {
		for _, method := range []string{"GET", "HEAD", "POST", "DELETE"} {
			p.seen = nil
			answer := p.send(method, "/v1/projects/p", "", headers...)
			// It comes from nobody, so that what is open to everybody stays open.
			if len(p.seen) != 1 || p.seen[0].Header.Get("Authorization") != "" || answer.StatusCode != 200 {
				t.Errorf("%s %s: %d", what, method, answer.StatusCode)
			}
		}
		for _, method := range []string{"GET", "POST", "DELETE"} {
			if answer := p.send(method, "/session", `{"token": "theirs"}`, headers...); answer.StatusCode != 403 {
				t.Errorf("%s /session of %s: %d", method, what, answer.StatusCode)
			}
		}
	}
	if token := p.whoseToken(); token != "good" {
		t.Errorf("the session is %q", token)
	}
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		p.seen = nil
		if answer := p.send(method, "/v1/projects/p", "", Header, ""); answer.StatusCode != 403 || p.seen != nil {
			t.Errorf("%s without the header: %d", method, answer.StatusCode)
		}
	}
	// An address that somebody typed, and an old browser.
	for _, site := range []string{"none", ""} {
		if answer := p.send("GET", "/v1/x", "", "Sec-Fetch-Site", site); textOf(answer) != "Bearer good" {
			t.Errorf("Sec-Fetch-Site %q", site)
		}
	}
}

func TestTheOriginIsThePublicOne(t *testing.T) {
	p := newPlace(t, func(c *Config) { c.Origin = "https://console.example" })
	if answer := p.send("POST", "/session", `{"token": "good"}`, "Origin", "https://console.example"); answer.StatusCode != 204 {
		t.Error(answer.StatusCode)
	}
	if answer := p.send("POST", "/session", `{"token": "good"}`); answer.StatusCode != 403 {
		t.Error("what the Host header says counts", answer.StatusCode)
	}
}

func TestASessionNeverCountsBesideAToken(t *testing.T) {
	p := newPlace(t, nil)
	p.paste("good")
	for _, token := range []string{"Bearer other", "Basic x", "nonsense"} {
		if answer := p.send("GET", "/v1/x", "", "Authorization", token); textOf(answer) != token {
			t.Errorf("%q is not what goes on", token)
		}
	}
	// Not even beside an empty one.
	p.answer = func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the session counts")
		}
	}
	request, _ := http.NewRequest("GET", "/v1/x", nil)
	request.Header["Authorization"] = []string{""}
	for _, cookie := range p.cookies {
		request.AddCookie(cookie)
	}
	p.handler.ServeHTTP(&discard{http.Header{}}, request)
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

func TestCookiesGoNoFurther(t *testing.T) {
	p := newPlace(t, nil)
	p.paste("good")
	p.whoseToken()
	p.send("GET", "/v1/x", "", "Authorization", "Bearer other")
	p.send("GET", "/v1/x", "", "Sec-Fetch-Site", "cross-site")
	for _, r := range p.seen {
		if r.Header.Get("Cookie") != "" {
			t.Errorf("%v", r.Header)
		}
	}
}

func TestNoCacheKeepsWhatASessionGot(t *testing.T) {
	p := newPlace(t, nil)
	p.answer = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		switch r.URL.Path {
		case "/v1/written":
			_, _ = w.Write([]byte("x"))
		case "/v1/headed":
			w.WriteHeader(http.StatusNotModified)
		case "/v1/flushed":
			_ = http.NewResponseController(w).Flush()
		}
	}
	for _, path := range []string{"/v1/written", "/v1/headed", "/v1/flushed"} {
		if answer := p.send("GET", path, ""); answer.Header.Get("Cache-Control") != "public, max-age=3600" {
			t.Errorf("%s of nobody: %v", path, answer.Header)
		}
	}
	p.paste("good")
	for _, path := range []string{"/v1/written", "/v1/headed", "/v1/flushed"} {
		if answer := p.send("GET", path, ""); answer.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, answer.Header)
		}
	}
}

func TestWhatThePageIsTold(t *testing.T) {
	p := newPlace(t, func(c *Config) { c.Links = map[string]string{"grafana": "https://grafana.example"} })
	var told struct {
		SignedIn   bool
		ExpireTime *string
		Providers  []map[string]string
		Links      map[string]string
		Error      *string
	}
	read := func() *http.Response {
		answer := p.send("GET", "/session", "")
		if err := json.Unmarshal([]byte(textOf(answer)), &told); err != nil {
			t.Fatal(err)
		}
		return answer
	}
	answer := read()
	// Of those that people cannot come from there is no word.
	if told.SignedIn || len(told.Providers) != 1 || told.Providers[0]["displayName"] != "Here" ||
		len(told.Providers[0]) != 2 || told.Links["grafana"] != "https://grafana.example" || told.Error != nil {
		t.Errorf("%+v", told)
	}
	if answer.Header.Get("Cache-Control") != "no-store" || answer.Header.Get("Content-Type") != "application/json" {
		t.Error(answer.Header)
	}
	p.paste("good")
	if read(); !told.SignedIn || told.ExpireTime != nil {
		t.Errorf("%+v", told)
	}
	p.gateway.away = errors.New("away")
	if read(); !told.SignedIn || len(told.Providers) != 0 {
		t.Errorf("without the gateway: %+v", told)
	}
}

func TestOtherPathsAndMethods(t *testing.T) {
	p := newPlace(t, nil)
	for _, asked := range [][2]string{{"PUT", "/session"}, {"GET", "/session/"}, {"GET", "/session/x"},
		{"POST", "/session/sign-in"}, {"POST", "/session/callback"}} {
		if answer := p.send(asked[0], asked[1], ""); answer.StatusCode != 404 {
			t.Errorf("%v: %d", asked, answer.StatusCode)
		}
	}
	if answer := p.send("HEAD", "/session", ""); answer.StatusCode != 200 {
		t.Errorf("HEAD: %d", answer.StatusCode)
	}
}
