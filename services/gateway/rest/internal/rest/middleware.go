package rest

import (
	"crypto/rand"
	"encoding/hex"
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
		// Nor does a session count in place of a token that cannot be read.
		if len(r.Header["Authorization"]) > 0 {
			r.Header.Del("Cookie")
		}
		// gRPC carries no others, and without them the caller is nobody.
		for _, name := range []string{"Authorization", "Traceparent", "Tracestate"} {
			if !readable(r.Header.Get(name)) || len(r.Header[name]) > 1 {
				r.Header.Del(name)
			}
		}
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
		out := &counting{ResponseWriter: w, timeout: writeTimeout}
		defer func() {
			if fault := recover(); fault != nil {
				if fault == http.ErrAbortHandler {
					panic(fault)
				}
				log.ErrorContext(r.Context(), "panic", "request_id", r.Header.Get("X-Request-Id"), "fault", fault,
					"stack", string(debug.Stack()))
				if out.code == 0 {
					writeProblem(out, r, http.StatusInternalServerError, newError(codes.Internal,
						stackyardv1.ErrorReason_INTERNAL_FAULT, "a fault of ours; see the log"))
				}
			}
			level := slog.LevelInfo
			if out.code >= 500 {
				level = slog.LevelWarn
			} else if isProbe(r.URL.Path) {
				level = slog.LevelDebug
			}
			// What is still buffered is written after this.
			out.deadline(writeTimeout)
			endTrace(r.Context(), out.code)
			log.Log(r.Context(), level, "request", "method", r.Method, "path", r.URL.Path,
				"code", out.code, "bytes", out.bytes, "ms", time.Since(start).Milliseconds(),
				"peer", r.RemoteAddr, "request_id", r.Header.Get("X-Request-Id"))
		}()
		next.ServeHTTP(out, r)
	})
}

// Bounds of what stands before a body; net/http itself takes twice as much and answers less well.
const (
	maxHeaderBytes = 64 << 10
	maxURLBytes    = 16 << 10
)

// withBounds refuses headers and addresses that are too large.
func withBounds(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size := 0
		for name, values := range r.Header {
			for _, value := range values {
				size += len(name) + len(value) + len(": \r\n")
			}
		}
		switch {
		case len(r.RequestURI) > maxURLBytes:
			refuseHTTP(w, r, http.StatusRequestURITooLong,
				"the address is longer than "+strconv.Itoa(maxURLBytes)+" bytes")
		case size > maxHeaderBytes:
			refuseHTTP(w, r, http.StatusRequestHeaderFieldsTooLarge,
				"the headers are larger than "+strconv.Itoa(maxHeaderBytes)+" bytes")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// maxPiece is how much has a deadline of its own.
const maxPiece = 64 << 10

// counting counts what is written and gives each piece its own deadline: a stream may last, but a
// client that does not read is let go. Between writes there is none: HTTP/2 resets a stream when
// its deadline passes, though nothing is being written.
type counting struct {
	http.ResponseWriter
	timeout time.Duration
	code    int
	bytes   int64
}

func (a *counting) WriteHeader(code int) {
	if a.code == 0 {
		a.code = code
	}
	a.ResponseWriter.WriteHeader(code)
}

func (a *counting) Write(data []byte) (int, error) {
	if a.code == 0 {
		a.code = http.StatusOK
	}
	written := 0
	for {
		piece := data[written:min(len(data), written+maxPiece)]
		a.deadline(a.timeout)
		n, err := a.ResponseWriter.Write(piece)
		a.deadline(0)
		written += n
		a.bytes += int64(n)
		if err != nil || written >= len(data) {
			return written, err
		}
	}
}

// FlushError is what http.ResponseController calls.
func (a *counting) FlushError() error {
	a.deadline(a.timeout)
	defer a.deadline(0)
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (a *counting) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// deadline is set this far ahead; 0 clears it.
func (a *counting) deadline(ahead time.Duration) {
	var when time.Time
	if ahead > 0 {
		when = time.Now().Add(ahead)
	}
	_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(when)
}
