package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
)

// Server is a running HTTP server.
type Server struct {
	options  Options
	log      *slog.Logger
	listener net.Listener
	http     *http.Server
	conn     *grpc.ClientConn
	drain    context.CancelFunc
	failed   chan error
}

// Start listens and serves. The gateway need not be there yet: /healthz tells.
func Start(o Options, log *slog.Logger) (*Server, error) {
	draining, drain := context.WithCancel(context.Background())
	conn, err := dial(o, draining)
	if err != nil {
		drain()
		return nil, fmt.Errorf("--gateway %q: %w", o.Gateway, err)
	}
	handler, err := newHandler(o, conn, draining, log)
	if err != nil {
		drain()
		return nil, err
	}
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		drain()
		return nil, fmt.Errorf("--listen %q: %w", o.Listen, err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s := &Server{
		options: o, log: log, listener: listener, conn: conn, drain: drain,
		failed: make(chan error, 1),
		http: &http.Server{
			Handler:           handler,
			Protocols:         protocols,
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       o.ReadTimeout,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
	}
	go func() { s.failed <- s.http.Serve(listener) }()
	log.Info("serving", "address", s.Address(), "gateway", o.Gateway, "version", o.Version)
	return s, nil
}

// Address is the `host:port` that is listened on.
func (s *Server) Address() string { return s.listener.Addr().String() }

// ServeUntil serves until the context is done, then drains.
func (s *Server) ServeUntil(ctx context.Context) error {
	select {
	case err := <-s.failed:
		return err
	case <-ctx.Done():
		return s.Shutdown()
	}
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
	s.log.Info("stopped")
	return errors.Join(err, s.conn.Close())
}

func newHandler(o Options, conn *grpc.ClientConn, draining context.Context, log *slog.Logger,
) (http.Handler, error) {
	api, err := newAPI(conn)
	if err != nil {
		return nil, err
	}
	asJSON, asYAML, err := describeAPI(o.Version)
	if err != nil {
		return nil, err
	}
	docs, err := docsFiles()
	if err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.Handle("GET /healthz", healthHandler(conn, context.Background()))
	mux.Handle("GET /readyz", healthHandler(conn, draining))
	mux.Handle("GET /api-docs", newStatic("application/json", asJSON))
	mux.Handle("GET /api-docs.yaml", newStatic("application/yaml", asYAML))
	for path, file := range docs {
		mux.Handle("GET "+path, withPolicy(file))
	}
	mux.Handle("GET /docs/{$}", http.RedirectHandler("/docs", http.StatusFound))
	mux.Handle("GET /{$}", http.RedirectHandler("/docs", http.StatusFound))
	mux.Handle("/", http.HandlerFunc(notFound))
	api = withBackend(conn, noStore(withBody(o.MaxBodyBytes, api)))
	root := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Not through the other mux, which would clean `//` out of resource names.
		if strings.HasPrefix(r.URL.Path, "/v1/") {
			api.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
	return withRequestID(withLog(log, o.WriteTimeout, root)), nil
}

func noStore(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
