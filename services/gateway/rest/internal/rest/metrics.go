package rest

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics is what Prometheus is told of requests, of the process and of its build.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	open     prometheus.Gauge
}

func newMetrics(o Options) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stackyard_rest_requests_total", Help: "Requests that ended, by route, method and HTTP status",
		}, []string{"route", "method", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "stackyard_rest_request_seconds", Help: "Time from a request's header to the end of its answer",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60},
		}, []string{"route"}),
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "stackyard_rest_open_requests", Help: "Requests that go on, streams included",
		}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "stackyard_build_info", Help: "Which program this is; always 1",
		ConstLabels: prometheus.Labels{"service": "rest", "version": o.Version, "commit": o.Commit},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.seconds, m.open, build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// labelMethods are the methods that anything here is asked by; others are the client's to make up.
var labelMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "LOCK", "UNLOCK"}

func methodLabel(method string) string {
	if slices.Contains(labelMethods, method) {
		return method
	}
	return "other"
}

// withMetrics counts requests by what `route` calls their path. It stands right behind withLog, whose
// answer knows the code.
func withMetrics(m *metrics, route func(*http.Request) string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		// Before anybody rewrites the request.
		name, method := route(r), methodLabel(r.Method)
		m.open.Inc()
		whole := false
		defer func() {
			m.open.Dec()
			m.seconds.WithLabelValues(name).Observe(time.Since(start).Seconds())
			code := w.(*counting).code
			if code == 0 {
				code = http.StatusOK
				if !whole { // withLog makes an answer of the panic.
					code = http.StatusInternalServerError
				}
			}
			m.requests.WithLabelValues(name, method, strconv.Itoa(code)).Inc()
		}()
		next.ServeHTTP(w, r)
		whole = true
	})
}

// The labels of what is no path of the API.
const (
	pageRoute    = "page"
	unknownRoute = "unknown"
	stateRoute   = "/v1/projects/{project}/stacks/{stack}/state"
)

// routeLabels answers the path of a request as the API's description has it, never as it was sent.
func routeLabels(table *routeTable, pages map[string]http.Handler) func(*http.Request) string {
	open := map[*route]string{}
	for _, r := range table.all {
		open[r], _ = openPath(r)
	}
	return func(r *http.Request) string {
		switch path := r.URL.Path; {
		case isProbe(path):
			return path
		case path == "/" || path == "/docs/" || pages[path] != nil:
			return pageRoute
		}
		if match := statePath.FindStringSubmatch(r.URL.Path); match != nil {
			return stateRoute + match[2]
		}
		found := table.find(r.URL.EscapedPath())
		if asked := found[r.Method]; asked != nil {
			return open[asked]
		}
		for _, method := range methodsOf(found) {
			if any := found[method]; any != nil {
				return open[any]
			}
		}
		return unknownRoute
	}
}

// serveMetrics shows them at /metrics of an address of their own.
func serveMetrics(m *metrics, address string, log *slog.Logger) (*http.Server, net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, fmt.Errorf("--metrics-listen %q: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	go func() { _ = server.Serve(listener) }()
	return server, listener, nil
}
