package rest

import (
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

type longOperation = longrunningpb.Operation
type operationResponse = longrunningpb.Operation_Response

func TestHealth(t *testing.T) {
	fake, server, url := start(t, nil)
	for _, path := range []string{"/healthz", "/readyz"} {
		if response, body := call(t, "GET", url+path, ""); response.StatusCode != 200 {
			t.Errorf("%s: %d %s", path, response.StatusCode, body)
		}
	}
	fake.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	if response, body := call(t, "GET", url+"/healthz", ""); response.StatusCode != 503 ||
		!strings.Contains(body, "NOT_SERVING") {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	fake.health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
	server.drain()
	if response, _ := call(t, "GET", url+"/healthz", ""); response.StatusCode != 200 {
		t.Error("a draining server is alive")
	}
	if response, _ := call(t, "GET", url+"/readyz", ""); response.StatusCode != 503 {
		t.Error("a draining server is not ready")
	}
}

// Whoever balances calls hears late of a server that ends: until then nobody may be turned away.
func TestDrainDelay(t *testing.T) {
	fake, server, url := start(t, func(o *Options) { o.DrainDelay = 24 * time.Hour })
	signals := make(chan os.Signal)
	served := make(chan error, 1)
	go func() { served <- server.ServeUntil(signals) }()
	if response, body := call(t, "GET", url+"/readyz", ""); response.StatusCode != 200 {
		t.Fatalf("before: %d %s", response.StatusCode, body)
	}
	stream, err := http.Get(url + "/v1/projects/p/stacks/web:watch")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	signals <- syscall.SIGTERM
	deadline := time.Now().Add(30 * time.Second)
	for {
		response, body := call(t, "GET", url+"/readyz", "")
		if response.StatusCode == 503 && strings.Contains(body, "shutting down") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it stays ready: %d %s", response.StatusCode, body)
		}
	}
	// Over connections of their own.
	for _, path := range []string{"/v1/projects/p/stacks/web", "/livez", "/healthz"} {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := client.Get(url + path)
		if err != nil {
			t.Fatal(path, err)
		}
		response.Body.Close()
		if response.StatusCode != 200 {
			t.Errorf("%s: %d", path, response.StatusCode)
		}
	}
	select {
	case <-fake.ended:
		t.Error("the stream was ended too early")
	case err := <-served:
		t.Error("it ended too early", err)
	default:
	}
	// Whoever cannot wait says so again.
	signals <- syscall.SIGTERM
	if err := <-served; err != nil {
		t.Error(err)
	}
	<-fake.ended
}

func TestLiveness(t *testing.T) {
	_, server, url := start(t, func(o *Options) { o.Gateway = "unix:" + t.TempDir() + "/none" })
	for range 2 {
		if response, body := call(t, "GET", url+"/livez", ""); response.StatusCode != 200 {
			t.Errorf("it is alive whatever the gateway does, but: %d %s", response.StatusCode, body)
		}
		server.drain()
	}
	if response, _ := call(t, "POST", url+"/livez", ""); response.StatusCode != 405 {
		t.Error("only to be read", response.StatusCode)
	}
}

func TestWithoutGateway(t *testing.T) {
	_, _, url := start(t, func(o *Options) { o.Gateway = "unix:" + t.TempDir() + "/none" })
	for _, path := range []string{"/healthz", "/readyz", "/v1/whoami"} {
		if response, body := call(t, "GET", url+path, ""); response.StatusCode != 503 {
			t.Errorf("%s: %d %s", path, response.StatusCode, body)
		}
	}
	if response, _ := call(t, "GET", url+"/docs", ""); response.StatusCode != 200 {
		t.Error("the documentation needs no gateway")
	}
}

func TestShutdownEndsStreamsAndLetsCallsFinish(t *testing.T) {
	fake, server, url := start(t, nil)
	stream, err := http.Get(url + "/v1/projects/p/stacks/web:watch")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	codes := make(chan int)
	go func() {
		response, err := http.Get(url + "/v1/projects/p/stacks/slow")
		if err != nil {
			codes <- 0
			return
		}
		response.Body.Close()
		codes <- response.StatusCode
	}()
	<-fake.entered
	stopped := make(chan error)
	go func() { stopped <- server.Shutdown() }()
	<-fake.ended
	close(fake.release)
	if code := <-codes; code != 200 {
		t.Errorf("the call in flight got %d", code)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestShutdownIsBounded(t *testing.T) {
	fake, server, url := start(t, func(o *Options) { o.Drain = 50 * time.Millisecond })
	defer close(fake.release)
	go func() { _, _ = http.Get(url + "/v1/projects/p/stacks/slow") }()
	<-fake.entered
	if err := server.Shutdown(); err != nil {
		t.Error(err)
	}
}

// Everything that the page loads, and what that loads in turn, must be served here.
func TestDocsAreWhole(t *testing.T) {
	_, _, url := start(t, nil)
	response, page := call(t, "GET", url+"/docs", "")
	if response.StatusCode != 200 || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
		t.Fatal(response.StatusCode, response.Header)
	}
	policy := response.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "http") {
		t.Errorf("policy %q", policy)
	}
	assets := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(assets) < 6 {
		t.Fatalf("only %v", assets)
	}
	for _, asset := range assets {
		response, body := call(t, "GET", url+asset[1], "")
		if response.StatusCode != 200 || body == "" {
			t.Errorf("%s: %d", asset[1], response.StatusCode)
		}
		kind := response.Header.Get("Content-Type")
		switch {
		case strings.HasSuffix(asset[1], ".js") && !strings.HasPrefix(kind, "text/javascript"),
			strings.HasSuffix(asset[1], ".css") && !strings.HasPrefix(kind, "text/css"),
			strings.HasSuffix(asset[1], ".png") && kind != "image/png":
			t.Errorf("%s is %s", asset[1], kind)
		}
		if strings.HasSuffix(asset[1], ".css") {
			for _, used := range regexp.MustCompile(`url\(([^)]*)\)`).FindAllStringSubmatch(body, -1) {
				if !strings.HasPrefix(strings.Trim(used[1], `"'`), "data:") {
					t.Errorf("%s loads %s", asset[1], used[1])
				}
			}
		}
		etag := response.Header.Get("ETag")
		if again, _ := call(t, "GET", url+asset[1], "", "If-None-Match", etag); again.StatusCode != 304 {
			t.Errorf("%s is sent again: %d", asset[1], again.StatusCode)
		}
	}
	if _, script := call(t, "GET", url+"/docs/start.js", ""); !strings.Contains(script, "url: '/api-docs'") {
		t.Error("the page shows another description")
	}
	if strings.Contains(page, "//") && strings.Contains(page, "http") {
		t.Error("the page names an outside address")
	}
	for _, path := range []string{"/", "/docs/"} {
		if response, _ := call(t, "GET", url+path, ""); response.StatusCode != 302 ||
			response.Header.Get("Location") != "/docs" {
			t.Errorf("%s: %d", path, response.StatusCode)
		}
	}
}

func TestOpenAPI(t *testing.T) {
	_, _, url := start(t, nil)
	_, body := call(t, "GET", url+"/api-docs", "")
	var doc struct {
		OpenAPI    string
		Info       struct{ Version string }
		Paths      map[string]map[string]map[string]any
		Components struct{ SecuritySchemes map[string]any }
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.") || doc.Info.Version != "dev" ||
		doc.Components.SecuritySchemes["bearer"] == nil {
		t.Errorf("%s %+v", doc.OpenAPI, doc.Info)
	}
	operations := map[string]map[string]any{}
	for _, path := range doc.Paths {
		for _, operation := range path {
			id, _ := operation["operationId"].(string)
			operations[strings.TrimRight(id, "0123456789")] = operation
			if summary, _ := operation["summary"].(string); summary == "" || strings.Contains(summary, "\n") {
				t.Errorf("%s: summary %q", id, summary)
			}
		}
	}
	for _, r := range apiRoutes() {
		path, _ := openPath(r)
		id, _ := doc.Paths[path][strings.ToLower(r.method)]["operationId"].(string)
		if !strings.HasPrefix(id, string(r.rpc.Parent().Name())+"_"+string(r.rpc.Name())) {
			t.Errorf("%s %s (%s) is not described", r.method, r.path, r.rpc.FullName())
		}
	}
	text, _ := json.Marshal(operations["StackService_WatchStack"]["responses"])
	if !strings.Contains(string(text), "application/x-ndjson") {
		t.Errorf("no stream: %s", text)
	}
	if operations["DocumentService_ReadPublicDocument"]["security"] == nil {
		t.Error("a public RPC asks for a token")
	}
	if operations["DocumentService_GetDocument"]["security"] != nil {
		t.Error("an RPC asks for no token")
	}
	response, asYAML := call(t, "GET", url+"/api-docs.yaml", "")
	if response.Header.Get("Content-Type") != "application/yaml" || !strings.Contains(asYAML, "openapi: 3.") {
		t.Error(response.Header, asYAML[:100])
	}
}

func TestOptions(t *testing.T) {
	env := func(values map[string]string) func(string) (string, bool) {
		return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
	}
	o, err := ParseOptions([]string{"--listen", "127.0.0.1:1", "--log-level=warning"},
		env(map[string]string{"STACKYARD_REST_LISTEN": "127.0.0.1:2", "STACKYARD_REST_GATEWAY": "unix:/x",
			"STACKYARD_REST_MAX_BODY_BYTES": "7"}), nil)
	if err != nil || o.Listen != "127.0.0.1:1" || o.Gateway != "unix:/x" || o.MaxBodyBytes != 7 ||
		o.LogLevel != slog.LevelWarn || o.Drain != 20*time.Second {
		t.Error(o, err)
	}
	_, err = ParseOptions([]string{"--listen", "nowhere"},
		env(map[string]string{"STACKYARD_REST_DRAIN": "soon"}), nil)
	if err == nil || !strings.Contains(err.Error(), "nowhere") || !strings.Contains(err.Error(), "STACKYARD_REST_DRAIN") {
		t.Errorf("all faults at once: %v", err)
	}
	for _, args := range [][]string{{"--nope"}, {"extra"}, {"--log-level", "loud"}, {"--call-timeout", "0"}} {
		if _, err := ParseOptions(args, env(nil), nil); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v", args, err)
		}
	}
	var help strings.Builder
	_, err = ParseOptions([]string{"--help"}, env(nil), &help)
	if !errors.Is(err, flag.ErrHelp) || !strings.Contains(help.String(), "STACKYARD_REST_GATEWAY") {
		t.Error(err, help.String())
	}
}

func TestLogNamesTheRequestAndKeepsTheQueryOut(t *testing.T) {
	var lines strings.Builder
	handler := withRequestID(withLog(NewLogger(&lines, slog.LevelInfo), time.Second,
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })))
	server := &http.Server{Handler: handler}
	recorder := &recorder{header: http.Header{}}
	request, _ := http.NewRequest("GET", "/v1/x?filter=private", nil)
	request.Header.Set("X-Request-Id", "r-1")
	server.Handler.ServeHTTP(recorder, request)
	if recorder.code != 500 || strings.Contains(recorder.body, "boom") {
		t.Errorf("%d %s", recorder.code, recorder.body)
	}
	text := lines.String()
	for _, want := range []string{`"service":"stackyard-rest"`, `"request_id":"r-1"`, `"code":500`, `"level":"error"`, "boom"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
	if strings.Contains(text, "private") {
		t.Error(text)
	}
}

type recorder struct {
	header http.Header
	code   int
	body   string
}

func (r *recorder) Header() http.Header  { return r.header }
func (r *recorder) WriteHeader(code int) { r.code = code }
func (r *recorder) Write(data []byte) (int, error) {
	r.body += string(data)
	return len(data), nil
}
