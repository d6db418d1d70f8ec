package console

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

const script = "console.log('hello')"

func zipped(text string) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return out.Bytes()
}

func built() fstest.MapFS {
	return fstest.MapFS{
		"index.html":       {Data: []byte(`<meta name="style-nonce" content="__NONCE__"><p>__NONCE__</p>`)},
		"icon.svg":         {Data: []byte("<svg/>")},
		"assets/a-1.js":    {Data: []byte(script)},
		"assets/a-1.js.gz": {Data: zipped(script)},
		"assets/b-2.css":   {Data: []byte("p {}")},
		"assets/c-3.woff2": {Data: []byte("font")},
		"assets/d-4.bin":   {Data: []byte("?")},
		"assets/e-5.js":    {Data: []byte(script)},
		"assets/e-5.js.gz": {Data: zipped(script)},
		"assets/e-5.js.br": {Data: []byte("brotli")},
	}
}

func consoleOf(t *testing.T, files fstest.MapFS) *Console {
	t.Helper()
	c, err := New(files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ask answers nil for what the console does not serve.
func ask(c *Console, method, path string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if !c.Serves(r) {
		return nil
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w.Result()
}

func textOf(r *http.Response) string {
	text, _ := io.ReadAll(r.Body)
	return string(text)
}

const asBrowser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

func TestThePageHasANonceOfItsOwn(t *testing.T) {
	c := consoleOf(t, built())
	seen := map[string]bool{}
	for range 20 {
		answer := ask(c, "GET", "/projects/web", "Accept", asBrowser)
		policy := answer.Header.Get("Content-Security-Policy")
		match := regexp.MustCompile(`style-src 'self' 'nonce-([A-Za-z0-9+/]{24})'`).FindStringSubmatch(policy)
		if match == nil {
			t.Fatal(policy)
		}
		page := textOf(answer)
		if strings.Count(page, match[1]) != 2 || strings.Contains(page, nonceMark) || seen[match[1]] {
			t.Errorf("nonce %s: %s", match[1], page)
		}
		seen[match[1]] = true
	}
}

func TestThePolicyLetsNothingInlineRunAndNothingInFromElsewhere(t *testing.T) {
	answer := ask(consoleOf(t, built()), "GET", "/", "Accept", asBrowser)
	policy := answer.Header.Get("Content-Security-Policy")
	directives := map[string]string{}
	for _, directive := range strings.Split(policy, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), " ")
		directives[name] = value
	}
	for name, want := range map[string]string{"default-src": "'none'", "script-src": "'self'", "connect-src": "'self'",
		"base-uri": "'none'", "form-action": "'self'", "frame-ancestors": "'none'"} {
		if directives[name] != want {
			t.Errorf("%s is %q", name, directives[name])
		}
	}
	for _, never := range []string{"unsafe", "http:", "https:", "*"} {
		if strings.Contains(policy, never) {
			t.Errorf("%s in %s", never, policy)
		}
	}
	if answer.Header.Get("Cache-Control") != "no-store" || answer.Header.Get("Cross-Origin-Opener-Policy") != "same-origin" ||
		answer.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Error(answer.Header)
	}
}

func TestFiles(t *testing.T) {
	c := consoleOf(t, built())
	for path, want := range map[string][2]string{
		"/assets/a-1.js":    {"text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		"/assets/b-2.css":   {"text/css; charset=utf-8", "public, max-age=31536000, immutable"},
		"/assets/c-3.woff2": {"font/woff2", "public, max-age=31536000, immutable"},
		"/assets/d-4.bin":   {"application/octet-stream", "public, max-age=31536000, immutable"},
		"/icon.svg":         {"image/svg+xml", "no-cache"},
	} {
		answer := ask(c, "GET", path)
		if answer == nil || answer.StatusCode != 200 {
			t.Errorf("%s: %v", path, answer)
			continue
		}
		if kind, kept := answer.Header.Get("Content-Type"), answer.Header.Get("Cache-Control"); kind != want[0] || kept != want[1] {
			t.Errorf("%s is %s, kept %s", path, kind, kept)
		}
		// An SVG that is opened by its address runs nothing either.
		if answer.Header.Get("Content-Security-Policy") != "default-src 'none'" {
			t.Errorf("%s has the policy %s", path, answer.Header.Get("Content-Security-Policy"))
		}
		etag := answer.Header.Get("ETag")
		if again := ask(c, "GET", path, "If-None-Match", etag); again.StatusCode != 304 || textOf(again) != "" {
			t.Errorf("%s is sent again: %d", path, again.StatusCode)
		}
		if head := ask(c, "HEAD", path); head.StatusCode != 200 || textOf(head) != "" || head.Header.Get("ETag") != etag {
			t.Errorf("HEAD %s: %d %v", path, head.StatusCode, head.Header)
		}
	}
}

func TestPackedFiles(t *testing.T) {
	c := consoleOf(t, built())
	for given, packed := range map[string]bool{"gzip": true, "br, gzip;q=0.5": true, "*": true, "": false, "br": false,
		"gzip;q=0": false, "identity, *;q=0": false, "x-gzipped": false} {
		answer := ask(c, "GET", "/assets/a-1.js", "Accept-Encoding", given)
		body := textOf(answer)
		if (answer.Header.Get("Content-Encoding") == "gzip") != packed {
			t.Errorf("%q: %v", given, answer.Header)
		}
		if packed {
			unpacked, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(unpacked)
			body = string(text)
		}
		if body != script {
			t.Errorf("%q: %s", given, body)
		}
	}
	etags := map[string]bool{}
	for _, given := range []string{"", "gzip", "gzip, deflate, br"} {
		etags[ask(c, "GET", "/assets/e-5.js", "Accept-Encoding", given).Header.Get("ETag")] = true
	}
	if len(etags) != 3 {
		t.Errorf("one etag for two forms: %v", etags)
	}
	best := ask(c, "GET", "/assets/e-5.js", "Accept-Encoding", "gzip, deflate, br, zstd")
	if best.Header.Get("Content-Encoding") != "br" || textOf(best) != "brotli" {
		t.Error("not the best that is taken", best.Header)
	}
	// What there is no smaller form of goes out as it is, and a part is one of the whole.
	if answer := ask(c, "GET", "/assets/b-2.css", "Accept-Encoding", "gzip"); answer.Header.Get("Content-Encoding") != "" {
		t.Error(answer.Header)
	}
	part := ask(c, "GET", "/assets/a-1.js", "Accept-Encoding", "gzip", "Range", "bytes=0-6")
	if part.StatusCode != 206 || textOf(part) != "console" || part.Header.Get("Content-Encoding") != "" {
		t.Error(part.StatusCode, part.Header)
	}
}

func TestWhatIsNotTheConsoles(t *testing.T) {
	c := consoleOf(t, built())
	for _, asked := range [][]string{
		// Programs get the API's own answers.
		{"GET", "/stacks", "Accept", "*/*"}, {"GET", "/stacks", "Accept", "application/json"}, {"GET", "/stacks"},
		{"POST", "/stacks", "Accept", asBrowser}, {"DELETE", "/icon.svg"}, {"POST", "/assets/a-1.js"},
		// A script of a build that is gone must not be a page.
		{"GET", "/assets/gone.js", "Accept", asBrowser}, {"GET", "/assets/a-1.js.gz"}, {"GET", "/assets/e-5.js.br"}, {"GET", "/assets/"},
	} {
		if answer := ask(c, asked[0], asked[1], asked[2:]...); answer != nil {
			t.Errorf("%v: %d", asked, answer.StatusCode)
		}
	}
	for _, path := range []string{"/", "/index.html", "/stacks", "/a/b/c:d", "/../etc/passwd"} {
		answer := ask(c, "GET", path, "Accept", asBrowser)
		if answer == nil || !strings.Contains(textOf(answer), "style-nonce") {
			t.Errorf("%s is no page", path)
		}
	}
	if head := ask(c, "HEAD", "/stacks", "Accept", asBrowser); head == nil || head.StatusCode != 200 {
		t.Error("HEAD of a page")
	}
}

func TestBuildsThatAreNone(t *testing.T) {
	if _, err := New(fstest.MapFS{}); err == nil {
		t.Error("nothing is taken for a console")
	}
	if _, err := New(fstest.MapFS{"index.html": {Data: []byte("<p>")}}); err == nil {
		t.Error("a page without a place for the nonce is taken")
	}
}
