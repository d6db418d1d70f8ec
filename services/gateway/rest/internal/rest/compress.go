package rest

import (
	"compress/gzip"
	"mime"
	"net/http"
	"strings"
	"sync"

	"stackyard.dev/rest/internal/accept"
)

// compressFrom is the size from which compressing is worth its time.
const compressFrom = 1024

var compressors = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	return w
}}

// withCompression compresses answers for clients that take it. Streams go out as they are: what is
// flushed early is not compressed.
func withCompression(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept-Encoding")
		if r.Method == http.MethodHead || r.Header.Get("Range") != "" || !accept.Coding(r.Header, "gzip") {
			next.ServeHTTP(w, r)
			return
		}
		c := &compressed{ResponseWriter: w}
		next.ServeHTTP(c, r)
		c.finish()
	})
}

// compressed holds an answer back until it is known whether it is large enough.
type compressed struct {
	http.ResponseWriter
	code int
	held []byte
	// begun: the header is on its way; then zip is nil for what goes out as it is.
	begun bool
	zip   *gzip.Writer
}

func (c *compressed) WriteHeader(code int) {
	if c.code == 0 {
		c.code = code
	}
	if code == http.StatusNotModified || code == http.StatusNoContent || code < http.StatusOK {
		c.begin(false)
	}
}

func (c *compressed) Write(data []byte) (int, error) {
	if !c.begun {
		if len(c.held)+len(data) < compressFrom {
			c.held = append(c.held, data...)
			return len(data), nil
		}
		c.begin(c.worthIt())
		if err := c.release(); err != nil {
			return 0, err
		}
	}
	if c.zip != nil {
		return c.zip.Write(data)
	}
	return c.ResponseWriter.Write(data)
}

func (c *compressed) worthIt() bool {
	kind, _, _ := mime.ParseMediaType(c.Header().Get("Content-Type"))
	text := strings.HasPrefix(kind, "text/") || strings.Contains(kind, "json") ||
		strings.Contains(kind, "yaml") || strings.Contains(kind, "javascript")
	return text && kind != eventsType && kind != linesType && c.Header().Get("Content-Encoding") == ""
}

func (c *compressed) begin(zip bool) {
	if c.begun {
		return
	}
	c.begun = true
	if zip {
		c.Header().Set("Content-Encoding", "gzip")
		c.Header().Del("Content-Length")
		c.Header().Del("Accept-Ranges")
		c.zip, _ = compressors.Get().(*gzip.Writer)
		c.zip.Reset(c.ResponseWriter)
	}
	if c.code != 0 {
		c.ResponseWriter.WriteHeader(c.code)
	}
}

func (c *compressed) release() (err error) {
	held := c.held
	c.held = nil
	if len(held) == 0 {
		return nil
	}
	if c.zip != nil {
		_, err = c.zip.Write(held)
	} else {
		_, err = c.ResponseWriter.Write(held)
	}
	return err
}

func (c *compressed) finish() {
	c.begin(false)
	_ = c.release()
	if c.zip != nil {
		_ = c.zip.Close()
		compressors.Put(c.zip)
	}
}

// FlushError is what http.ResponseController calls.
func (c *compressed) FlushError() error {
	c.begin(false)
	if err := c.release(); err != nil {
		return err
	}
	if c.zip != nil {
		if err := c.zip.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(c.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (c *compressed) Unwrap() http.ResponseWriter { return c.ResponseWriter }
