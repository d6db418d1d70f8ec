package rest

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	tracev1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spanv1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	recordedTrace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	silentTrace   = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
)

// fakeCollector takes spans as a collector does.
type fakeCollector struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*spanv1.Span
}

func newCollector(t *testing.T) *fakeCollector {
	c := &fakeCollector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		request := &tracev1.ExportTraceServiceRequest{}
		if err := proto.Unmarshal(body, request); err != nil || r.URL.Path != "/v1/traces" {
			t.Error(r.URL.Path, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, resource := range request.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// of lets the server send what it has, and answers the spans.
func (c *fakeCollector) of(t *testing.T, server *Server) []*spanv1.Span {
	t.Helper()
	if err := server.traces.sdk.ForceFlush(context.Background()); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spans
}

func TestARequestIsASpanThatTheGatewayGoesOnWith(t *testing.T) {
	collector := newCollector(t)
	fake, server, url := start(t, func(o *Options) { o.OTLPEndpoint = collector.URL + "/" })
	call(t, "GET", url+"/v1/projects/p/stacks/web", "", "Traceparent", recordedTrace)
	call(t, "GET", url+"/healthz", "")
	var request, made *spanv1.Span
	spans := collector.of(t, server)
	for _, span := range spans {
		switch span.Kind {
		case spanv1.Span_SPAN_KIND_SERVER:
			request = span
		case spanv1.Span_SPAN_KIND_CLIENT:
			made = span
		}
	}
	if len(spans) != 2 || request == nil || made == nil {
		t.Fatal(spans)
	}
	if request.Name != "GET /v1/{name=projects/*/stacks/*}" {
		t.Error(request.Name)
	}
	if !bytes.Equal(made.ParentSpanId, request.SpanId) || !bytes.Equal(made.TraceId, request.TraceId) {
		t.Error(request, made)
	}
	if !strings.Contains(recordedTrace, hex.EncodeToString(request.TraceId)+"-"+hex.EncodeToString(request.ParentSpanId)) {
		t.Error("the client's trace was left:", request)
	}
	if got := fake.seen.Get("traceparent"); !slices.Equal(got, []string{"00-" + hex.EncodeToString(made.TraceId) + "-" + hex.EncodeToString(made.SpanId) + "-01"}) {
		t.Error(got)
	}
	if text, _ := proto.Marshal(request); bytes.Contains(text, []byte("somebody")) {
		t.Error("the token is in the span:", request)
	}
}

func TestStrangersDoNotSayHowMuchIsRecorded(t *testing.T) {
	for _, test := range []struct {
		ratio float64
		trust bool
		sent  string
		spans int
	}{
		{0, false, recordedTrace, 0}, {1, false, silentTrace, 2}, {1, false, "", 2}, {0, false, "", 0},
		{0, true, recordedTrace, 2}, {1, true, silentTrace, 0}, {0, true, "", 0}, {1, true, "", 2},
	} {
		collector := newCollector(t)
		fake, server, url := start(t, func(o *Options) {
			o.OTLPEndpoint, o.TraceRatio, o.TraceTrustClients = collector.URL, test.ratio, test.trust
		})
		call(t, "GET", url+"/v1/projects/p/stacks/web", "", "Traceparent", test.sent)
		if got := collector.of(t, server); len(got) != test.spans {
			t.Errorf("%+v: %v", test, got)
		}
		flag := "-00"
		if test.spans > 0 {
			flag = "-01"
		}
		if got := strings.Join(fake.seen.Get("traceparent"), ","); !strings.HasSuffix(got, flag) || len(got) != 55 {
			t.Errorf("%+v: the gateway heard %q", test, got)
		}
	}
}

// A header that we do not read, and the gateway would, goes no further.
func TestWithoutTracingWhatCannotBeReadIsDropped(t *testing.T) {
	for _, sent := range []string{strings.TrimSuffix(recordedTrace, "01") + "05", "nonsense"} {
		fake, _, url := start(t, func(*Options) {})
		call(t, "GET", url+"/v1/projects/p/stacks/web", "", "Traceparent", sent, "Tracestate", "a=b")
		if got := append(fake.seen.Get("traceparent"), fake.seen.Get("tracestate")...); len(got) != 0 {
			t.Errorf("%q: %v", sent, got)
		}
	}
}

func TestWithoutTracingATraceGoesOnUnrecorded(t *testing.T) {
	for trust, want := range map[bool]string{false: silentTrace, true: recordedTrace} {
		fake, _, url := start(t, func(o *Options) { o.TraceTrustClients = trust })
		call(t, "GET", url+"/v1/projects/p/stacks/web", "", "Traceparent", recordedTrace, "Tracestate", "a=b")
		if got := fake.seen.Get("traceparent"); !slices.Equal(got, []string{want}) {
			t.Error(trust, got)
		}
		if got := fake.seen.Get("tracestate"); !slices.Equal(got, []string{"a=b"}) {
			t.Error(trust, got)
		}
		call(t, "GET", url+"/v1/projects/p/stacks/web", "")
		if got := fake.seen.Get("traceparent"); len(got) > 0 {
			t.Error("the gateway is to begin the trace:", got)
		}
	}
}

func TestAFaultIsTold(t *testing.T) {
	collector := newCollector(t)
	_, server, url := start(t, func(o *Options) { o.OTLPEndpoint = collector.URL })
	call(t, "GET", url+"/v1/projects/p/stacks/odd", "")
	for _, span := range collector.of(t, server) {
		if span.GetStatus().GetCode() != spanv1.Status_STATUS_CODE_ERROR {
			t.Error(span)
		}
	}
}

func TestACollectorThatIsAwayHarmsNothing(t *testing.T) {
	_, server, url := start(t, func(o *Options) { o.OTLPEndpoint = "http://127.0.0.1:1" })
	for range 20 {
		if response, body := call(t, "GET", url+"/v1/projects/p/stacks/web", ""); response.StatusCode != 200 {
			t.Fatal(response.StatusCode, body)
		}
	}
	if err := server.Shutdown(); err != nil {
		t.Error(err)
	}
}

func TestLogLinesNameTheTrace(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(&out, slog.LevelInfo)
	traces, err := newTracing(DefaultOptions(), log)
	if err != nil {
		t.Fatal(err)
	}
	handler := traces.withTrace(func(*http.Request) bool { return true },
		withLog(log, 0, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	request := httptest.NewRequest("GET", "/v1/x", nil)
	request.Header.Set("Traceparent", recordedTrace)
	handler.ServeHTTP(httptest.NewRecorder(), request)
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line["trace_id"] != recordedTrace[3:35] || line["span_id"] != recordedTrace[36:52] ||
		line["service"] != "stackyard-rest" {
		t.Error(line)
	}
}

func TestTracingOptions(t *testing.T) {
	for _, args := range [][]string{
		{"--otlp-endpoint", "collector:4318"}, {"--otlp-endpoint", "http://a:b@collector"},
		{"--otlp-endpoint", "http://collector/?x=1"}, {"--trace-ratio", "1.5"}, {"--trace-ratio", "NaN"},
	} {
		_, err := ParseOptions(args, func(string) (string, bool) { return "", false }, io.Discard)
		if err == nil || !strings.Contains(err.Error(), args[0][2:]) {
			t.Error(args, err)
		}
	}
}
