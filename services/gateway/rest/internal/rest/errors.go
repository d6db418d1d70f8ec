package rest

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

const errorDomain = "stackyard.dev"

// writeError answers a google.rpc.Status as JSON.
func writeError(w http.ResponseWriter, httpCode int, st *status.Status) {
	h := w.Header()
	switch httpCode {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="stackyard"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if seconds := retryAfter(st); seconds > 0 {
			h.Set("Retry-After", strconv.FormatInt(seconds, 10))
		}
	}
	h.Del("Trailer")
	h.Del("Transfer-Encoding")
	h.Set("Content-Type", "application/json")
	w.WriteHeader(httpCode)
	_, _ = w.Write(marshalStatus(st.Proto()))
}

func marshalStatus(st *spb.Status) []byte {
	codec := newJSONCodec()
	body, err := codec.Marshal(st)
	if err != nil {
		// A detail of a type that this program does not know cannot be written as JSON.
		known := proto.Clone(st).(*spb.Status)
		known.Details = nil
		for _, detail := range st.GetDetails() {
			if _, err := detail.UnmarshalNew(); err == nil {
				known.Details = append(known.Details, detail)
			}
		}
		body, _ = codec.Marshal(known)
	}
	return append(body, '\n')
}

func retryAfter(st *status.Status) int64 {
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			delay := info.GetRetryDelay()
			if delay.GetNanos() > 0 {
				return delay.GetSeconds() + 1
			}
			return delay.GetSeconds()
		}
	}
	return 0
}

// handleError answers errors of calls, and of bodies and queries that could not be read.
func handleError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter,
	_ *http.Request, err error) {
	st := status.Convert(err)
	if st.Code() == codes.InvalidArgument && len(st.Proto().GetDetails()) == 0 {
		st = withField(st.Message())
	}
	writeError(w, runtime.HTTPStatusFromCode(st.Code()), st)
}

var quotedField = regexp.MustCompile(`(?:unknown field|for \w+ field|field) "?([A-Za-z0-9_.]+)"?`)

// withField gives an error that was found here the same shape as those of the services.
func withField(message string) *status.Status {
	field := "body"
	if !strings.HasPrefix(message, bodyErrorPrefix) {
		field = "query"
	}
	if match := quotedField.FindStringSubmatch(message); match != nil {
		field = match[1]
	}
	return newError(codes.InvalidArgument, stackyardv1.ErrorReason_INVALID_FIELD, message,
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: field, Description: strings.TrimPrefix(message, bodyErrorPrefix)},
		}})
}

func newError(code codes.Code, reason stackyardv1.ErrorReason, message string,
	details ...proto.Message) *status.Status {
	st := &spb.Status{Code: int32(code), Message: message}
	details = append([]proto.Message{
		&errdetails.ErrorInfo{Reason: reason.String(), Domain: errorDomain},
	}, details...)
	for _, detail := range details {
		if packed, err := anypb.New(detail); err == nil {
			st.Details = append(st.Details, packed)
		}
	}
	return status.FromProto(st)
}

// routingError answers for paths and methods that no RPC has.
func routingError(routes []route) runtime.RoutingErrorHandlerFunc {
	return func(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter,
		r *http.Request, httpCode int) {
		if allowed := allowedMethods(routes, r.URL.EscapedPath()); len(allowed) > 0 &&
			httpCode != http.StatusBadRequest {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			writeError(w, http.StatusMethodNotAllowed, newError(codes.InvalidArgument,
				stackyardv1.ErrorReason_INVALID_FIELD, "method "+r.Method+
					" is not possible here; possible: "+strings.Join(allowed, ", ")))
			return
		}
		if httpCode == http.StatusBadRequest {
			writeError(w, httpCode, newError(codes.InvalidArgument,
				stackyardv1.ErrorReason_INVALID_FIELD, "the path cannot be read"))
			return
		}
		notFound(w, r)
	}
}

func notFound(w http.ResponseWriter, r *http.Request) {
	writeError(w, http.StatusNotFound, newError(codes.NotFound,
		stackyardv1.ErrorReason_RESOURCE_NOT_FOUND,
		"no such path: "+r.URL.Path+"; /api-docs describes those that exist"))
}
