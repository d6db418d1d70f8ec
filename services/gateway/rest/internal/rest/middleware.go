package rest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

var plainRequestID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// withRequestID makes sure that every request has an id that is fit for logs, and tells it back.
func withRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !plainRequestID.MatchString(id) {
			var random [8]byte
			_, _ = rand.Read(random[:])
			id = hex.EncodeToString(random[:])
		}
		r.Header["X-Request-Id"] = []string{id}
		w.Header().Set("X-Request-Id", id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

// withLog writes one line per request, without the query, which may hold what is private. It also
// turns a panic into an error for this one request.
func withLog(log *slog.Logger, writeTimeout time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		out := &answer{ResponseWriter: w, timeout: writeTimeout}
		defer func() {
			if fault := recover(); fault != nil {
				if fault == http.ErrAbortHandler {
					panic(fault)
				}
				log.Error("panic", "request_id", r.Header.Get("X-Request-Id"), "fault", fault,
					"stack", string(debug.Stack()))
				if out.code == 0 {
					writeError(out, http.StatusInternalServerError, newError(codes.Internal,
						stackyardv1.ErrorReason_INTERNAL_FAULT, "a fault of ours; see the log"))
				}
			}
			level := slog.LevelInfo
			if out.code >= 500 {
				level = slog.LevelWarn
			} else if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
				level = slog.LevelDebug
			}
			log.Log(context.Background(), level, "request", "method", r.Method, "path", r.URL.Path,
				"code", out.code, "bytes", out.bytes, "ms", time.Since(start).Milliseconds(),
				"peer", r.RemoteAddr, "request_id", r.Header.Get("X-Request-Id"))
		}()
		next.ServeHTTP(out, r)
	})
}

// withBody reads the body before anything else happens, so that its size and the time that it
// takes are bounded while an answer may stream for as long as it likes.
func withBody(limit int64, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			writeError(w, http.StatusRequestEntityTooLarge, newError(codes.InvalidArgument,
				stackyardv1.ErrorReason_INVALID_FIELD,
				"the request body is larger than "+strconv.FormatInt(limit, 10)+" bytes"))
			return
		case err != nil:
			writeError(w, http.StatusBadRequest, newError(codes.InvalidArgument,
				stackyardv1.ErrorReason_INVALID_FIELD, "the request body did not arrive whole"))
			return
		}
		// A read deadline that passes later would cancel the request.
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// answer counts what is written and gives each write its own deadline: a stream may last, but a
// client that does not read is let go.
type answer struct {
	http.ResponseWriter
	timeout time.Duration
	code    int
	bytes   int64
}

func (a *answer) WriteHeader(code int) {
	if a.code == 0 {
		a.code = code
	}
	a.ResponseWriter.WriteHeader(code)
}

func (a *answer) Write(data []byte) (int, error) {
	if a.code == 0 {
		a.code = http.StatusOK
	}
	a.extend()
	n, err := a.ResponseWriter.Write(data)
	a.bytes += int64(n)
	return n, err
}

// FlushError is what http.ResponseController calls.
func (a *answer) FlushError() error {
	a.extend()
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) extend() {
	_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(time.Now().Add(a.timeout))
}
