package rest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

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
	if refused := checkQuery(found, query); refused != nil {
		return asked, refused
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

// checkQuery refuses parameters that nothing reads; the router drops them, and a mistyped filter
// would list everything.
func checkQuery(found *route, query url.Values) *status.Status {
	for key := range query {
		if key == "expand" {
			continue
		}
		path := strings.Split(key, ".")
		first, _, _ := strings.Cut(path[0], "[")
		field := fieldNamed(found.rpc.Input(), first)
		switch {
		case field == nil || !hasField(found.rpc.Input(), path):
			return invalidField(key, fmt.Sprintf("unknown field %q in the query", key))
		case slices.Contains(boundFields(found), string(field.Name())):
			return invalidField(key, "is in the path already")
		case found.body == "*" || found.body == string(field.Name()):
			return invalidField(key, "belongs into the body")
		}
	}
	return nil
}

func hasField(message protoreflect.MessageDescriptor, path []string) bool {
	name, _, _ := strings.Cut(path[0], "[") // Maps: labels[team]=web.
	field := fieldNamed(message, name)
	switch {
	case field == nil:
		return false
	case len(path) == 1:
		return true
	case field.Message() == nil:
		return false
	}
	return hasField(field.Message(), path[1:])
}
