package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"

	"stackyard.dev/rest/internal/console"
)

// Server is a running HTTP server.
type Server struct {
	options  Options
	log      *slog.Logger
	listener net.Listener
	http     *http.Server
	conn     *grpc.ClientConn
	traces   *tracing
	// leave says that no more calls should come, drain that none may go on; what drains has left.
	leave, drain context.CancelFunc
	failed       chan error
	// metrics and its listener are nil where nothing is measured.
	metrics         *http.Server
	metricsListener net.Listener
}

// Start listens and serves. The gateway need not be there yet: /healthz tells.
func Start(o Options, log *slog.Logger) (*Server, error) {
	traces, err := newTracing(o, log)
	if err != nil {
		return nil, err
	}
	draining, drain := context.WithCancel(context.Background())
	leaving, leave := context.WithCancel(draining)
	conn, err := dial(o, traces, draining)
	if err != nil {
		leave()
		drain()
		return nil, fmt.Errorf("--gateway %q: %w", o.Gateway, err)
	}
	var measured *metrics
	if o.MetricsListen != "" {
		measured = newMetrics(o)
	}
	handler, err := newHandler(o, conn, leaving, draining, log, measured, traces)
	if err != nil {
		leave()
		drain()
		return nil, err
	}
	listener, err := listen(o, log)
	if err != nil {
		leave()
		drain()
		return nil, err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(o.TLSCert == "")
	s := &Server{
		options: o, log: log, listener: listener, conn: conn, traces: traces,
		leave: leave, drain: drain, failed: make(chan error, 1),
		http: &http.Server{
			Handler:           handler,
			Protocols:         protocols,
			ReadHeaderTimeout: o.HeaderTimeout,
			ReadTimeout:       o.ReadTimeout,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    2 * maxHeaderBytes,
			HTTP2: &http.HTTP2Config{
				MaxConcurrentStreams: o.MaxStreams,
				// A client that is gone without a word is noticed.
				SendPingTimeout:  30 * time.Second,
				PingTimeout:      15 * time.Second,
				WriteByteTimeout: o.WriteTimeout,
			},
			ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
	}
	if measured != nil {
		if s.metrics, s.metricsListener, err = serveMetrics(measured, o.MetricsListen, log); err != nil {
			drain()
			return nil, errors.Join(err, listener.Close())
		}
	}
	go func() { s.failed <- s.http.Serve(listener) }()
	log.Info("serving", "address", s.Address(), "gateway", o.Gateway, "version", o.Version)
	return s, nil
}

// listen opens the public port. What is over the limits is closed before TLS costs anything.
func listen(o Options, log *slog.Logger) (net.Listener, error) {
	plain, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("--listen %q: %w", o.Listen, err)
	}
	limited := limitConnections(plain, o)
	if o.TLSCert == "" {
		return limited, nil
	}
	own, err := loadCertificate(o.TLSCert, o.TLSKey, log)
	if err != nil {
		_ = plain.Close()
		return nil, err
	}
	return tls.NewListener(limited, own.serverTLS()), nil
}

// Address is the `host:port` that is listened on.
func (s *Server) Address() string { return s.listener.Addr().String() }

// ServeUntil serves until a signal comes, and on for the drain delay or until another signal, while
// /readyz says that no more calls should come here. Then it drains.
func (s *Server) ServeUntil(signals <-chan os.Signal) error {
	select {
	case err := <-s.failed:
		return err
	case <-signals:
	}
	s.leave()
	s.log.Info("draining", "after", s.options.DrainDelay.String())
	select {
	case err := <-s.failed:
		return err
	case <-signals:
	case <-time.After(s.options.DrainDelay):
	}
	return s.Shutdown()
}

// Shutdown ends streams, lets other calls finish within the drain time, and closes everything.
func (s *Server) Shutdown() error {
	s.log.Info("draining", "limit", s.options.Drain.String())
	s.drain()
	ctx, cancel := context.WithTimeout(context.Background(), s.options.Drain)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("calls were cut off at the end of the drain time")
		err = s.http.Close()
	}
	// Last, so that the drain is still seen.
	if s.metrics != nil {
		err = errors.Join(err, s.metrics.Close())
	}
	s.log.Info("stopped")
	return errors.Join(err, s.conn.Close(), s.traces.close())
}

// newHandler answers everything; `measured` may be nil.
func newHandler(o Options, conn *grpc.ClientConn, leaving, draining context.Context,
	log *slog.Logger, measured *metrics, traces *tracing,
) (http.Handler, error) {
	api, err := newAPI(o, conn, draining)
	if err != nil {
		return nil, err
	}
	pages, err := newPages(o.Version, api)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/livez", getOnly(http.HandlerFunc(alive)))
	mux.Handle("/healthz", getOnly(healthHandler(conn, context.Background())))
	mux.Handle("/readyz", getOnly(healthHandler(conn, leaving)))
	for path, page := range pages {
		mux.Handle(path, getOnly(page))
	}
	mux.Handle("/docs/{$}", http.RedirectHandler("/docs", http.StatusFound))
	sessions, err := newSessions(o, conn, log)
	if err != nil {
		return nil, err
	}
	mux.Handle("/session", withCaller(sessions.Routes()))
	mux.Handle("/session/", withCaller(sessions.Routes()))
	other, err := newOther(o)
	if err != nil {
		return nil, err
	}
	mux.Handle("/", other)
	// A session counts for calls alone: a page may be opened by a link from anywhere.
	calls := sessions.Guard(withBackend(conn, api))
	isCall := func(r *http.Request) bool {
		return strings.HasPrefix(r.URL.Path, "/v1/") || api.serves(r)
	}
	root := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Not through the other mux, which would clean `//` out of resource names.
		if isCall(r) {
			w.Header().Set("Content-Security-Policy", callPolicy)
			calls.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
	handler := withCORS(o.CORSOrigins, withBounds(withCompression(root)))
	if measured != nil {
		handler = withMetrics(measured, routeLabels(api.table, pages), handler)
	}
	handler = withClient(o.TrustedProxies, withLog(log, o.WriteTimeout, handler))
	return withRequestID(traces.withTrace(isCall, handler)), nil
}

// callPolicy has browsers run nothing that an answer of the API holds, whoever wrote it: it lies where
// the console does.
const callPolicy = "default-src 'none'; frame-ancestors 'none'; sandbox"

// newOther answers what is neither the API's nor a page of this program: the console, or that there
// is nothing. Without a console the documentation comes first.
func newOther(o Options) (http.Handler, error) {
	if o.Console == nil {
		mux := http.NewServeMux()
		mux.Handle("/{$}", http.RedirectHandler("/docs", http.StatusFound))
		mux.HandleFunc("/", notFound)
		return mux, nil
	}
	pages, err := console.New(o.Console)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if pages.Serves(r) {
			pages.ServeHTTP(w, r)
			return
		}
		notFound(w, r)
	}), nil
}

func getOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			wrongMethod(w, r, []string{"GET", "HEAD"})
			return
		}
		next.ServeHTTP(w, r)
	})
}
