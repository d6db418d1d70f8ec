package rest

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

// httpCall is what a request asks for besides the message of its RPC.
type httpCall struct {
	route *route
	// ifMatch and ifNoneMatch are etags, `*` for any; empty: no condition.
	ifMatch     string
	ifNoneMatch []string
	// idempotencyKey becomes the request_id; empty: none was sent.
	idempotencyKey string
	// maskGiven tells that the query has an update mask.
	maskGiven bool
	// body as it came, for PATCH.
	body []byte
	// expand names what is to be embedded.
	expand []string
	// events asks for server-sent events.
	events bool
}

type callKey struct{}

func callOf(ctx context.Context) *httpCall {
	asked, _ := ctx.Value(callKey{}).(*httpCall)
	return asked
}

func withCall(ctx context.Context, asked *httpCall) context.Context {
	return context.WithValue(ctx, callKey{}, asked)
}

// newCall reads headers and query. It takes `expand` out of the query, which is no field.
func newCall(found *route, expandable func(*route) []string, r *http.Request) (*httpCall, *status.Status) {
	asked := &httpCall{route: found}
	if err := asked.readConditions(r); err != nil {
		return asked, err
	}
	if !utf8.ValidString(r.URL.Path) {
		return asked, newError(codes.InvalidArgument, stackyardv1.ErrorReason_INVALID_FIELD,
			"the path is not UTF-8")
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return asked, invalidField("query", err.Error())
	}
	for key, values := range query {
		if !utf8.ValidString(key) || !utf8.ValidString(strings.Join(values, "")) {
			return asked, invalidField("query", "is not UTF-8")
		}
	}
	asked.maskGiven = query.Get("updateMask") != "" || query.Get("update_mask") != ""
	if values, given := query["expand"]; given {
		if err := asked.readExpand(values, expandable(found)); err != nil {
			return asked, err
		}
		query.Del("expand")
		r.URL.RawQuery = query.Encode()
	}
	return asked, nil
}

// readable tells whether a header's value can become gRPC metadata.
func readable(value string) bool {
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return true
}
