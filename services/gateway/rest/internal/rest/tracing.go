package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
)

const (
	// Spans that wait; what comes beyond them is dropped.
	maxQueuedSpans = 4096
	spansTogether  = 512
	// How long what is left may take to be sent at the end.
	flushTime = 2 * time.Second
)

// traceHeaders reads and writes traceparent and tracestate.
var traceHeaders = propagation.TraceContext{}

// tracing makes a span of each request and of each call that it leads to.
type tracing struct {
	provider trace.TracerProvider
	tracer   trace.Tracer
	// sdk is nil where nothing is exported.
	sdk   *sdktrace.TracerProvider
	trust bool
}

// newTracing begins to export where there is somebody to export to.
func newTracing(o Options, log *slog.Logger) (*tracing, error) {
	t := &tracing{provider: noop.NewTracerProvider(), trust: o.TraceTrustClients}
	if o.OTLPEndpoint == "" {
		return t, nil
	}
	exporter, err := otlptracehttp.New(context.Background(),
		otlptracehttp.WithEndpointURL(strings.TrimSuffix(o.OTLPEndpoint, "/")+"/v1/traces"),
		otlptracehttp.WithTimeout(5*time.Second))
	if err != nil {
		return nil, fmt.Errorf("--otlp-endpoint: %w", err)
	}
	// What the SDK has to say is that a batch was not taken.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("spans are not taken by the collector", "error", err.Error())
	}))
	host, _ := os.Hostname()
	t.sdk = sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sampler{o.TraceRatio, o.TraceTrustClients}),
		sdktrace.WithBatcher(exporter, sdktrace.WithBatchTimeout(time.Second),
			sdktrace.WithMaxQueueSize(maxQueuedSpans), sdktrace.WithMaxExportBatchSize(spansTogether)),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "stackyard-rest"),
			attribute.String("service.version", o.Version),
			attribute.String("service.instance.id", fmt.Sprintf("%s/%d", host, os.Getpid())))))
	t.provider, t.tracer = t.sdk, t.sdk.Tracer("stackyard")
	return t, nil
}

// close sends what is left.
func (t *tracing) close() error {
	if t.sdk == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	if err := t.sdk.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// dialOptions let the gateway know the span of each call.
func (t *tracing) dialOptions() []grpc.DialOption {
	if t.sdk == nil {
		return nil
	}
	return []grpc.DialOption{grpc.WithStatsHandler(otelgrpc.NewClientHandler(
		otelgrpc.WithTracerProvider(t.provider), otelgrpc.WithPropagators(traceHeaders)))}
}

// sampler decides for requests, and has the rest follow.
type sampler struct {
	ratio float64
	trust bool
}

func (s sampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	parent := trace.SpanContextFromContext(p.ParentContext)
	recorded := parent.IsSampled()
	if p.Kind == trace.SpanKindServer && !(s.trust && parent.IsValid()) {
		// Not by the trace's id, which clients can choose.
		recorded = rand.Float64() < s.ratio
	}
	result := sdktrace.SamplingResult{Decision: sdktrace.Drop, Tracestate: parent.TraceState()}
	if recorded {
		result.Decision = sdktrace.RecordAndSample
	}
	return result
}

func (s sampler) Description() string { return fmt.Sprintf("Requests{%v}", s.ratio) }

// withTrace goes on with the trace of the client, or begins one: log lines and calls belong to it.
// Requests that `traced` does not name have no span.
func (t *tracing) withTrace(traced func(*http.Request) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := traceHeaders.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		if t.sdk == nil || !traced(r) {
			t.passOn(ctx, r)
			next.ServeHTTP(w, r.WithContext(ctx))
			return
		}
		ctx, span := t.tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(
				attribute.String("http.request.method", methodName(r.Method)),
				attribute.String("url.path", limited(r.URL.Path)),
				attribute.String("stackyard.request_id", r.Header.Get("X-Request-Id"))))
		defer span.End()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// passOn lets the client's trace go on without a span of ours. That it is recorded, nobody but the
// gateway may say for a stranger, and it takes our word.
func (t *tracing) passOn(ctx context.Context, r *http.Request) {
	client := trace.SpanContextFromContext(ctx)
	if !client.IsValid() {
		// What we cannot read, others may read as they like.
		r.Header.Del("Traceparent")
		r.Header.Del("Tracestate")
		return
	}
	if !t.trust && client.IsSampled() {
		client = client.WithTraceFlags(client.TraceFlags() &^ trace.FlagsSampled)
		traceHeaders.Inject(trace.ContextWithSpanContext(ctx, client), propagation.HeaderCarrier(r.Header))
	}
}

// nameTrace names the span of a request by the route that was found for it.
func nameTrace(ctx context.Context, method string, found *route) {
	span := trace.SpanFromContext(ctx)
	span.SetName(method + " " + found.path)
	span.SetAttributes(attribute.String("http.route", found.path))
}

// endTrace tells the span of a request how it was answered.
func endTrace(ctx context.Context, code int) {
	span := trace.SpanFromContext(ctx)
	span.SetAttributes(attribute.Int("http.response.status_code", code))
	if code >= 500 {
		span.SetStatus(codes.Error, http.StatusText(code))
	}
}

// methodName keeps words of clients out.
func methodName(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "LOCK", "UNLOCK":
		return method
	}
	return "_OTHER"
}

func limited(text string) string {
	const most = 256
	return strings.ToValidUTF8(text[:min(len(text), most)], "?")
}

// traceLog adds the ids of the context's trace to log lines.
type traceLog struct{ slog.Handler }

func (h traceLog) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record = record.Clone()
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()),
			slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

func (h traceLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traceLog{h.Handler.WithAttrs(attrs)}
}

func (h traceLog) WithGroup(name string) slog.Handler { return traceLog{h.Handler.WithGroup(name)} }

// checkTracing says what of the options cannot be.
func checkTracing(o Options) (errs []error) {
	if !(o.TraceRatio >= 0 && o.TraceRatio <= 1) {
		errs = append(errs, errors.New("--trace-ratio: expected 0 to 1"))
	}
	if o.OTLPEndpoint == "" {
		return errs
	}
	at, err := url.Parse(o.OTLPEndpoint)
	if err != nil || (at.Scheme != "http" && at.Scheme != "https") || at.Host == "" ||
		at.User != nil || at.RawQuery != "" || at.Fragment != "" {
		errs = append(errs, errors.New("--otlp-endpoint: expected an address like http://collector:4318, without user and query"))
	}
	return errs
}
