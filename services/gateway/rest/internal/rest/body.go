package rest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// readBody reads the body before anything else happens, so that its size and the time that it
// takes are bounded while an answer may stream for as long as it likes. It answers false where it
// has refused.
func readBody(w http.ResponseWriter, r *http.Request, asked *httpCall, limit int64) ([]byte, bool) {
	source := io.Reader(http.MaxBytesReader(w, r.Body, limit))
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		source = &inflated{compressed: source}
	default:
		w.Header().Set("Accept-Encoding", "gzip")
		refuseHTTP(w, r, http.StatusUnsupportedMediaType, "Content-Encoding "+strconv.Quote(encoding)+
			" is not known; gzip is")
		return nil, false
	}
	// One byte more tells what is too large after it is inflated.
	body, err := io.ReadAll(io.LimitReader(source, limit+1))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge) || int64(len(body)) > limit:
		refuseHTTP(w, r, http.StatusRequestEntityTooLarge,
			"the request body is larger than "+strconv.FormatInt(limit, 10)+" bytes")
		return nil, false
	case errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum):
		refuseHTTP(w, r, http.StatusBadRequest, "the request body is not what Content-Encoding: gzip says")
		return nil, false
	case err != nil:
		w.Header().Set("Connection", "close")
		refuseHTTP(w, r, http.StatusBadRequest, "the request body did not arrive whole")
		return nil, false
	}
	// A read deadline that passes later would cancel the request.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	if asked.route.body == "" && len(bytes.TrimSpace(body)) > 0 && !isEmptyObject(body) {
		refuseHTTP(w, r, http.StatusBadRequest, "this call takes no body; its fields go into the query")
		return nil, false
	}
	if !asked.route.takesRaw() && !utf8.Valid(body) {
		refuseHTTP(w, r, http.StatusBadRequest, "the request body is not UTF-8")
		return nil, false
	}
	return body, true
}

func isEmptyObject(body []byte) bool {
	return string(bytes.Join(bytes.Fields(body), nil)) == "{}"
}

func setBody(r *http.Request, found *route, body []byte) {
	if found.method != http.MethodGet && !found.takesRaw() {
		body = withoutDerived(found.bodyMessage(), body)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Del("Content-Encoding")
}

// inflated reads what gzip made. Its header is read with the first byte, as the rest is.
type inflated struct {
	compressed io.Reader
	plain      *gzip.Reader
}

func (i *inflated) Read(into []byte) (int, error) {
	if i.plain == nil {
		plain, err := gzip.NewReader(i.compressed)
		if errors.Is(err, io.EOF) {
			return 0, gzip.ErrHeader
		}
		if err != nil {
			return 0, err
		}
		i.plain = plain
	}
	return i.plain.Read(into)
}
