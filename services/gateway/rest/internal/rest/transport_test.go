package rest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func events(t *testing.T, url string, headers ...string) (*http.Response, *bufio.Reader) {
	t.Helper()
	request, _ := http.NewRequest("GET", url, nil)
	request.Header.Set("Accept", "text/event-stream")
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response, bufio.NewReader(response.Body)
}

// event reads up to the empty line that ends one.
func event(t *testing.T, from *bufio.Reader) string {
	t.Helper()
	var text strings.Builder
	for {
		line, err := from.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after %q", err, text.String())
		}
		if line == "\n" {
			return text.String()
		}
		text.WriteString(line)
	}
}

func TestServerSentEvents(t *testing.T) {
	fake, _, url := start(t, nil)
	response, body := events(t, url+"/v1/projects/p/stacks/web:watch?resumeToken=old", "Last-Event-ID", "newer")
	if kind := response.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatal(kind)
	}
	if got := event(t, body); got != "retry: 2000\n" {
		t.Errorf("%q", got)
	}
	// The first is here while the stream goes on.
	if got := event(t, body); !strings.HasPrefix(got, "id: 1\ndata: {\"stack\":{\"name\":\"projects/p/stacks/web\"") {
		t.Errorf("%q", got)
	}
	if fake.resumed != "newer" {
		t.Errorf("went on behind %q", fake.resumed)
	}
	close(fake.more)
	if got := event(t, body); !strings.HasPrefix(got, "id: 2\n") {
		t.Errorf("%q", got)
	}
	if got := event(t, body); !strings.HasPrefix(got, "event: problem\ndata: {\"type\":\"/docs/errors#RESOURCE_NOT_FOUND\"") ||
		!strings.Contains(got, "urn:stackyard:request:") {
		t.Errorf("%q", got)
	}
	if _, err := body.ReadByte(); err != io.EOF {
		t.Error("something follows the problem", err)
	}
}

func TestStreamThatIsRefusedIsAProblem(t *testing.T) {
	_, _, url := start(t, nil)
	for _, accept := range []string{"text/event-stream", "application/json"} {
		response, text := call(t, "GET", url+"/v1/projects/p/stacks/hidden:watch", "", "Accept", accept)
		if response.StatusCode != 404 || response.Header.Get("Content-Type") != problemType ||
			parsed(t, text)["reason"] != "RESOURCE_NOT_FOUND" {
			t.Errorf("%s: %d %s %s", accept, response.StatusCode, response.Header.Get("Content-Type"), text)
		}
	}
}

func TestSilentEventsAreKeptAlive(t *testing.T) {
	recorded := httptest.NewRecorder()
	stream := newEventStream(recorded, time.Hour)
	stream.beat()
	stream.beat()
	_, _ = stream.Write([]byte("data: 1\n\n"))
	stream.end()
	stream.beat() // Late; must not write into an answer that is over.
	want := "retry: 2000\n\n: still here\n\n: still here\n\ndata: 1\n\n" + endEvent
	if recorded.Body.String() != want || recorded.Header().Get("Content-Type") != eventsType ||
		recorded.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%q %v", recorded.Body.String(), recorded.Header())
	}
}

func TestEventsBeginBeforeAnythingHappens(t *testing.T) {
	recorded := httptest.NewRecorder()
	stream := newEventStream(recorded, time.Hour)
	defer stream.end()
	for began := time.Now(); !stream.hasBegun(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatal("its client waits to know whether it is served")
		}
	}
}

// HTTP/2 resets a stream whose write deadline passes, even while nothing is written.
func TestSilentLinesOutlastTheWriteTimeout(t *testing.T) {
	fake, _, url := start(t, func(o *Options) { o.WriteTimeout = 50 * time.Millisecond })
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	response, err := client.Get(url + "/v1/projects/p/stacks/web:watch")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	if response.ProtoMajor != 2 || !lines.Scan() {
		t.Fatal(response.Proto, lines.Err())
	}
	select {
	case <-fake.ended:
		t.Fatal("the stream was reset while it was silent")
	case <-time.After(500 * time.Millisecond):
	}
	close(fake.more)
	if !lines.Scan() || !strings.Contains(lines.Text(), `"resumeToken":"2"`) {
		t.Error(lines.Text(), lines.Err())
	}
}

// deadlines notes how much is written under which deadline.
type deadlines struct {
	*httptest.ResponseRecorder
	now    time.Time
	pieces []int
	bare   int
}

func (d *deadlines) SetWriteDeadline(when time.Time) error { d.now = when; return nil }

func (d *deadlines) Write(data []byte) (int, error) {
	if d.now.IsZero() {
		d.bare++
	}
	d.pieces = append(d.pieces, len(data))
	return d.ResponseRecorder.Write(data)
}

func TestEachPieceOfAnAnswerHasItsDeadline(t *testing.T) {
	large := bytes.Repeat([]byte("x"), 2*maxPiece+1)
	out := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	handler := withLog(slog.New(slog.DiscardHandler), time.Minute, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n, err := w.Write(large); n != len(large) || err != nil || !out.now.IsZero() {
			t.Error(n, err, out.now)
		}
		if n, err := w.Write(nil); n != 0 || err != nil {
			t.Error(n, err)
		}
	}))
	handler.ServeHTTP(out, httptest.NewRequest("GET", "/", nil))
	if !slices.Equal(out.pieces, []int{maxPiece, maxPiece, 1, 0}) || out.bare != 0 || !bytes.Equal(out.Body.Bytes(), large) {
		t.Error(out.pieces, out.bare, out.Body.Len())
	}
	if out.now.IsZero() {
		t.Error("what is flushed after the handler has no deadline")
	}
}

func TestNegotiation(t *testing.T) {
	_, _, url := start(t, nil)
	for _, c := range []struct {
		accept string
		code   int
	}{
		{"", 200}, {"*/*", 200}, {"application/*;q=0.1, text/html", 200}, {"application/problem+json", 200},
		{"text/html", 406}, {"text/event-stream", 406}, {"application/json;q=0", 406},
	} {
		if response, text := call(t, "GET", url+"/v1/projects/p/stacks/web", "", "Accept", c.accept); response.StatusCode != c.code {
			t.Errorf("%s: %d %s", c.accept, response.StatusCode, text)
		}
	}
	for kind, code := range map[string]int{"application/json; charset=utf-8": 200, "application/x-www-form-urlencoded": 200,
		"text/plain": 415, "application/xml": 415, "nonsense/": 415} {
		if response, text := call(t, "POST", url+"/v1/projects?projectId=web", `{}`, "Content-Type", kind); response.StatusCode != code {
			t.Errorf("%s: %d %s", kind, response.StatusCode, text)
		}
	}
	for _, body := range []string{"[]", "7", `"x"`, "null", "\xff"} {
		if response, text := call(t, "POST", url+"/v1/projects?projectId=web", body); response.StatusCode != 400 {
			t.Errorf("%q: %d %s", body, response.StatusCode, text)
		}
	}
	if response, _ := call(t, "DELETE", url+"/v1/projects/web", `{"etag":"x"}`); response.StatusCode != 400 {
		t.Error("a body that nothing reads was dropped")
	}
	if response, text := call(t, "GET", url+"/v1/projects/%FF", "", "Authorization", "Bearer ann"); response.StatusCode != 400 {
		t.Error(response.StatusCode, text)
	}
}

func TestWhoSendsNoTokenHearsOfNothingElse(t *testing.T) {
	_, _, url := start(t, nil)
	for path, headers := range map[string][]string{
		"/v1/projects?projectId=web&shoe=1": nil, "/v1/projects?projectId=w": {"Content-Type", "text/plain"},
		"/v1/projects?projectId=x": {"Accept", "text/html"}, "/v1/projects?projectId=y": {"Content-Encoding", "br"},
	} {
		response, text := call(t, "POST", url+path, `{"shoe":1}`, append(headers, "Authorization", "")...)
		if response.StatusCode != 401 || response.Header.Get("WWW-Authenticate") == "" || strings.Contains(text, "shoe") {
			t.Errorf("%s: %d %s", path, response.StatusCode, text)
		}
	}
	if response, _ := call(t, "GET", url+"/api/shop?shoe=1", "", "Authorization", ""); response.StatusCode != 400 {
		t.Error("what is open to everybody asks for no token", response.StatusCode)
	}
}

func zipped(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return out.String()
}

func TestGzip(t *testing.T) {
	fake, _, url := start(t, func(o *Options) { o.MaxBodyBytes = 5000 })
	response, text := call(t, "GET", url+"/v1/projects/p/stacks?filter=many", "", "Accept-Encoding", "gzip")
	if response.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(response.Header.Get("Vary"), "Accept-Encoding") {
		t.Fatal(response.Header)
	}
	plain, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	inflated, err := io.ReadAll(plain)
	if err != nil || !strings.HasSuffix(string(inflated), "}") || len(inflated) < 3*len(text) {
		t.Error(err, len(inflated), len(text))
	}
	// Small ones, those that nobody asked to compress, and streams go out as they are.
	for path, accept := range map[string]string{"/v1/projects/p/stacks/web": "gzip", "/v1/projects/p/stacks?filter=many": "gzip;q=0"} {
		if response, text := call(t, "GET", url+path, "", "Accept-Encoding", accept); response.Header.Get("Content-Encoding") != "" ||
			response.ContentLength != int64(len(text)) {
			t.Error(path, response.Header)
		}
	}
	stream, body := events(t, url+"/v1/projects/p/stacks/web:watch", "Accept-Encoding", "gzip")
	if stream.Header.Get("Content-Encoding") != "" || event(t, body) == "" {
		t.Error(stream.Header)
	}
	close(fake.more)

	gzipped := []string{"Content-Encoding", "gzip"}
	response, text = call(t, "POST", url+"/v1/projects?projectId=web", zipped(`{"displayName":"W"}`), gzipped...)
	if response.StatusCode != 200 || !strings.Contains(text, `"W"`) {
		t.Error(response.StatusCode, text)
	}
	bomb := zipped(`{"displayName":"` + strings.Repeat("x", 1<<20) + `"}`)
	if len(bomb) > 5000 {
		t.Fatal("not small enough for the test")
	}
	for body, code := range map[string]int{bomb: 413, "no gzip at all": 400, zipped("{}")[:10]: 400} {
		if response, text := call(t, "POST", url+"/v1/projects?projectId=web", body, gzipped...); response.StatusCode != code {
			t.Error(code, response.StatusCode, text)
		}
	}
	if response, _ := call(t, "POST", url+"/v1/projects", "{}", "Content-Encoding", "br"); response.StatusCode != 415 {
		t.Error(response.StatusCode)
	}
}

func TestCORS(t *testing.T) {
	_, _, url := start(t, func(o *Options) { o.CORSOrigins = []string{"https://console.example.com"} })
	preflight := []string{"Origin", "https://console.example.com", "Access-Control-Request-Method", "PATCH"}
	response, _ := call(t, "OPTIONS", url+"/v1/projects/p/stacks/web", "", preflight...)
	h := response.Header
	if response.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != "https://console.example.com" ||
		!strings.Contains(h.Get("Access-Control-Allow-Methods"), "PATCH") || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "If-Match") ||
		h.Get("Access-Control-Allow-Credentials") != "" {
		t.Error(response.StatusCode, h)
	}
	response, _ = call(t, "GET", url+"/v1/projects/p/stacks/web", "", "Origin", "https://console.example.com")
	if h := response.Header; h.Get("Access-Control-Allow-Origin") == "" || !strings.Contains(h.Get("Access-Control-Expose-Headers"), "ETag") ||
		!slices.Contains(h.Values("Vary"), "Origin") {
		t.Error(h)
	}
	for _, origin := range []string{"https://evil.example.com", "null", "https://console.example.com.evil.com"} {
		response, _ := call(t, "GET", url+"/v1/projects/p/stacks/web", "", "Origin", origin)
		if response.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s may call", origin)
		}
	}
	_, _, closed := start(t, nil)
	if response, _ := call(t, "OPTIONS", closed+"/v1/projects/p/stacks/web", "", preflight...); response.StatusCode != 405 ||
		response.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("without the flag nobody may", response.StatusCode)
	}
}

func TestTooMuchInFrontOfABody(t *testing.T) {
	_, _, url := start(t, nil)
	response, text := call(t, "GET", url+"/v1/projects/p/stacks/web", "", "X-Long", strings.Repeat("x", 70<<10))
	if response.StatusCode != 431 || response.Header.Get("Content-Type") != problemType {
		t.Error(response.StatusCode, text)
	}
	response, text = call(t, "GET", url+"/v1/projects/p/stacks?filter="+strings.Repeat("x", 20<<10), "")
	if response.StatusCode != 414 || response.Header.Get("Content-Type") != problemType {
		t.Error(response.StatusCode, text)
	}
}

// A client that sends its request byte by byte is let go, header or body.
func TestSlowClientsAreLetGo(t *testing.T) {
	_, server, _ := start(t, func(o *Options) {
		o.HeaderTimeout, o.ReadTimeout = 100*time.Millisecond, 200*time.Millisecond
	})
	for _, head := range []string{"GET /v1/projects HTTP/1.1\r\nHost: x\r\n",
		"POST /v1/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"} {
		conn, err := net.Dial("tcp", server.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = conn.Write([]byte(head))
		stop := make(chan struct{})
		go func() {
			ticks := time.NewTicker(10 * time.Millisecond)
			defer ticks.Stop()
			for {
				select {
				case <-stop:
					return
				case <-ticks.C:
					_, _ = conn.Write([]byte("x"))
				}
			}
		}()
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		// All that comes is an error, and then the end.
		answer, err := io.ReadAll(conn)
		close(stop)
		if err, is := err.(net.Error); is && err.Timeout() {
			t.Errorf("%q is still held: %q", head, answer)
		}
		if strings.Contains(string(answer), " 200 ") {
			t.Errorf("%q", answer)
		}
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	_, server, url := start(t, func(o *Options) { o.MaxConnectionsPerAddress = 2 })
	var open []net.Conn
	for range 2 {
		conn, err := net.Dial("tcp", server.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		open = append(open, conn)
		// It is counted once it has got an answer.
		_, _ = conn.Write([]byte("GET /docs/errors.css HTTP/1.1\r\nHost: x\r\n\r\n"))
		if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := http.Get(url + "/docs/errors.css"); err == nil {
		t.Error("a third connection was served")
	}
	open[0].Close()
	for deadline := time.Now().Add(20 * time.Second); ; {
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(url + "/docs/errors.css")
		if err == nil {
			response.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a place that was given back is not free", err)
		}
	}
}

func TestClientAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, c := range []struct{ from, sent, want string }{
		{"192.0.2.1:5", "203.0.113.9", "192.0.2.1"},            // Not trusted: its word counts nothing.
		{"10.1.1.1:5", "203.0.113.9", "203.0.113.9"},           // Told by a proxy.
		{"10.1.1.1:5", "6.6.6.6, 203.0.113.9", "203.0.113.9"},  // What the client made up stays in front.
		{"10.1.1.1:5", "203.0.113.9, 10.2.2.2", "203.0.113.9"}, // Two proxies.
		{"10.1.1.1:5", "", "10.1.1.1"},
		{"10.1.1.1:5", "nonsense, 10.9.9.9", "10.9.9.9"},
		{"[::1]:5", "2001:db8::1", "2001:db8::1"},
	} {
		request, _ := http.NewRequest("GET", "/", nil)
		request.RemoteAddr = c.from
		request.Header.Set("X-Forwarded-For", c.sent)
		if got := clientOf(request, trusted).String(); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	fake, _, url := start(t, nil)
	call(t, "GET", url+"/v1/projects/p/stacks/web", "", "X-Forwarded-For", "6.6.6.6")
	if got := fake.seen.Get("x-forwarded-for"); !slices.Equal(got, []string{"127.0.0.1"}) {
		t.Errorf("the gateway hears of %v", got)
	}
}

// makeCertificate writes a certificate for 127.0.0.1 that vouches for itself.
func makeCertificate(t *testing.T, folder, name string) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	told := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}}
	der, err := x509.CreateCertificate(rand.Reader, told, told, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, _ := x509.MarshalECPrivateKey(key)
	certFile, keyFile = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "EC PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, _ := x509.ParseCertificate(der)
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return certFile, keyFile, pool
}

func TestTLSAndHTTP2(t *testing.T) {
	certFile, keyFile, pool := makeCertificate(t, t.TempDir(), "first")
	_, server, _ := start(t, func(o *Options) { o.TLSCert, o.TLSKey = certFile, keyFile })
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	response, err := client.Get("https://" + server.Address() + "/v1/projects/p/stacks/web")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.ProtoMajor != 2 || response.StatusCode != 200 || response.TLS.Version < tls.VersionTLS12 {
		t.Error(response.Proto, response.StatusCode)
	}
	if _, err := tls.Dial("tcp", server.Address(), &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
}

func TestCertificateIsReadAgain(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile, _ := makeCertificate(t, folder, "first")
	own, err := loadCertificate(certFile, keyFile, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	own.age = 0
	name := func() string {
		current, err := own.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		parsed, _ := x509.ParseCertificate(current.Certificate[0])
		return parsed.Subject.CommonName
	}
	if name() != "first" {
		t.Error(name())
	}
	if err := os.WriteFile(certFile, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if name() != "first" {
		t.Error("files that are no good took the old one's place")
	}
	makeCertificate(t, folder, "second")
	if name() != "second" {
		t.Error(name())
	}
	if _, err := loadCertificate(certFile, certFile, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("started without a key")
	}
}

func TestOriginsAreAsBrowsersSendThem(t *testing.T) {
	for _, good := range []string{"https://a.example", "https://a.example:80", "http://a.example:443", "http://a.example:8080",
		"https://[::1]:8443", "https://[::1]"} {
		if err := checkOrigin(good); err != nil {
			t.Error(err)
		}
	}
	none := func(string) (string, bool) { return "", false }
	for origin, says := range map[string]string{
		"https://a.example:443": "leave out :443", "http://a.example:80": "leave out :80", "https://[::1]:443": "leave out :443",
		"https://a.example.": "the dot", "https://a.example.:8443": "the dot",
		"https://a.example:": "a port", "https://a.example:0443": "a port", "https://A.example": "expected https://host",
	} {
		for _, flag := range []string{"--public-url", "--cors-origins"} {
			_, err := ParseOptions([]string{flag, origin}, none, nil)
			if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), flag[1:]) ||
				strings.Contains(err.Error(), "\n") {
				t.Errorf("%s %s: %v", flag, origin, err)
			}
		}
	}
}

func TestNewFlags(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	o, err := ParseOptions([]string{"--cors-origins", "https://a.example.com, http://localhost:3000",
		"--trusted-proxies", "10.0.0.0/8,::1"}, none, nil)
	if err != nil || len(o.CORSOrigins) != 2 || fmt.Sprint(o.TrustedProxies) != "[10.0.0.0/8 ::1/128]" {
		t.Error(o, err)
	}
	for _, args := range [][]string{{"--cors-origins", "*"}, {"--cors-origins", "https://a.example.com/"},
		{"--trusted-proxies", "everybody"}, {"--tls-cert", "x"}, {"--max-streams", "0"}, {"--max-connections", "-1"}} {
		if _, err := ParseOptions(args, none, nil); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v", args, err)
		}
	}
	o = DefaultOptions()
	o.Listen, o.GatewayCA = "127.0.0.1:0", filepath.Join(t.TempDir(), "none")
	if _, err := Start(o, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "--gateway-ca") {
		t.Error(err)
	}
}
