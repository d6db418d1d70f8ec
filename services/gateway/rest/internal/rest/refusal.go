package rest

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

// handleError answers errors of calls, and of bodies and queries that could not be read.
func handleError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter,
	r *http.Request, err error) {
	if errors.Is(err, errNotModified) {
		w.Header().Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	var routing *runtime.HTTPStatusError
	if errors.As(err, &routing) {
		refuseHTTP(w, r, routing.HTTPStatus, "the path cannot be read: "+routing.Err.Error())
		return
	}
	st := status.Convert(err)
	if st.Code() == codes.InvalidArgument && len(st.Proto().GetDetails()) == 0 {
		st = withField(st.Message())
	}
	writeProblem(w, r, httpStatus(st, callOf(r.Context())), st)
}

var quotedField = regexp.MustCompile(`(?:unknown field|for \w+ field|field|parameter:) "?([A-Za-z0-9_.]+)"?`)

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

// streamError is what a stream ends with. One that is ended by our own shutdown is to be taken up
// again.
func streamError(draining context.Context) runtime.StreamErrorHandlerFunc {
	return func(ctx context.Context, err error) *status.Status {
		st := status.Convert(err)
		if draining.Err() != nil && (st.Code() == codes.Canceled || st.Code() == codes.Unavailable) {
			st = newError(codes.Unavailable, stackyardv1.ErrorReason_DEPENDENCY_UNAVAILABLE,
				"this server is shutting down; go on where the stream ended")
		}
		sent, _ := metadata.FromOutgoingContext(ctx)
		if id := sent.Get("x-request-id"); len(id) == 1 {
			if told, err := st.WithDetails(&errdetails.RequestInfo{RequestId: id[0]}); err == nil {
				return told
			}
		}
		return st
	}
}

// routingError answers what the router of the RPCs does not take; our own found a route before.
func routingError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter,
	r *http.Request, httpCode int) {
	if httpCode == http.StatusBadRequest {
		refuseHTTP(w, r, httpCode, "the path cannot be read")
		return
	}
	notFound(w, r)
}

func notFound(w http.ResponseWriter, r *http.Request) {
	httpCode := http.StatusNotFound
	if missesState(r) {
		httpCode = http.StatusGone
	}
	writeProblem(w, r, httpCode, newError(codes.NotFound,
		stackyardv1.ErrorReason_RESOURCE_NOT_FOUND,
		"no such path: "+r.URL.Path+"; /api-docs describes those that exist"))
}

func wrongMethod(w http.ResponseWriter, r *http.Request, allowed []string) {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	refuseHTTP(w, r, http.StatusMethodNotAllowed,
		"method "+r.Method+" is not possible here; possible: "+strings.Join(allowed, ", "))
}
