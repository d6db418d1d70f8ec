package rest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

const (
	errorDomain = "stackyard.dev"
	problemType = "application/problem+json"
)

// problemDetails is an error as RFC 9457 shapes it, with all that the google.rpc.Status of it says.
type problemDetails struct {
	// Type is a reference to what the reason means, in the documentation of this server.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Instance names the request, `urn:stackyard:request:{id}`; the log has it under that id.
	Instance string `json:"instance,omitempty"`
	// Code is the name of the gRPC code.
	Code string `json:"code"`
	// Reason is one of ErrorReason.
	Reason            string            `json:"reason,omitempty"`
	Metadata          map[string]string `json:"metadata,omitempty"`
	Errors            []fieldError      `json:"errors,omitempty"`
	Quota             []violation       `json:"quota,omitempty"`
	Preconditions     []violation       `json:"preconditions,omitempty"`
	Resource          *resourceInfo     `json:"resource,omitempty"`
	RetryAfterSeconds int64             `json:"retryAfterSeconds,omitempty"`
	// Details are those of the status that have no place above, as google.protobuf.Any.
	Details []json.RawMessage `json:"details,omitempty"`
}

// fieldError is a field at fault: where it is in the body, or which parameter it is.
type fieldError struct {
	// Field is its path in the request of the RPC, `stack.parameters.size`.
	Field     string `json:"field"`
	Detail    string `json:"detail"`
	Pointer   string `json:"pointer,omitempty"`
	Parameter string `json:"parameter,omitempty"`
}

// violation is a quota that does not suffice, or a condition that does not hold.
type violation struct {
	Type    string `json:"type,omitempty"`
	Subject string `json:"subject"`
	Detail  string `json:"detail"`
}

type resourceInfo struct {
	Type string `json:"type"`
	Name string `json:"name"`
}

// newProblem tells a status as a problem; `route` is nil where no RPC was found.
func newProblem(httpCode int, st *status.Status, route *route, requestID string) *problemDetails {
	p := &problemDetails{
		Type: "about:blank", Title: http.StatusText(httpCode), Status: httpCode, Detail: st.Message(),
		Code: code.Code(st.Code()).String(),
	}
	for _, packed := range st.Proto().GetDetails() {
		detail, err := packed.UnmarshalNew()
		if err != nil {
			continue // A detail of a type that this program does not know cannot be written as JSON.
		}
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			p.Reason, p.Metadata = d.GetReason(), d.GetMetadata()
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				p.Errors = append(p.Errors, newFieldError(route, v.GetField(), v.GetDescription()))
			}
		case *errdetails.QuotaFailure:
			for _, v := range d.GetViolations() {
				p.Quota = append(p.Quota, violation{"", v.GetSubject(), v.GetDescription()})
			}
		case *errdetails.PreconditionFailure:
			for _, v := range d.GetViolations() {
				p.Preconditions = append(p.Preconditions, violation{v.GetType(), v.GetSubject(), v.GetDescription()})
			}
		case *errdetails.ResourceInfo:
			p.Resource = &resourceInfo{d.GetResourceType(), d.GetResourceName()}
		case *errdetails.RetryInfo:
			p.RetryAfterSeconds = retryAfter(st)
		case *errdetails.RequestInfo:
			requestID = d.GetRequestId()
		default:
			if text, err := protojson.Marshal(packed); err == nil {
				p.Details = append(p.Details, text)
			}
		}
	}
	if requestID != "" {
		p.Instance = "urn:stackyard:request:" + requestID
	}
	if title := reasonTitle(p.Reason); title != "" {
		p.Type, p.Title = "/docs/errors#"+p.Reason, title
	}
	return p
}

// retryAfter is when to try again, in whole seconds; 0 where a status does not say.
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

// newFieldError finds where in an HTTP request the field of a gRPC request is.
func newFieldError(route *route, field, detail string) fieldError {
	e := fieldError{Field: field, Detail: detail}
	if route == nil || field == "" || field == "body" || field == "query" {
		return e
	}
	path := strings.Split(strings.NewReplacer("[", ".", "]", "").Replace(field), ".")
	message := route.rpc.Input()
	if first := fieldNamed(message, path[0]); first == nil {
		return e
	} else if route.body != "*" {
		if string(first.Name()) != route.body {
			e.Parameter = strings.Join(jsonPath(message, path), ".")
			return e
		}
		message, path = first.Message(), path[1:]
	}
	for _, part := range jsonPath(message, path) {
		e.Pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(part)
	}
	e.Pointer = "#" + e.Pointer
	return e
}

// jsonPath spells the parts of a path as JSON does, as far as they are fields.
func jsonPath(message protoreflect.MessageDescriptor, path []string) []string {
	path = slices.Clone(path)
	for i, part := range path {
		if message == nil {
			break
		}
		field := fieldNamed(message, part)
		if field == nil {
			break
		}
		path[i], message = field.JSONName(), field.Message()
	}
	return path
}

func fieldNamed(message protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if field := message.Fields().ByTextName(name); field != nil {
		return field
	}
	return message.Fields().ByJSONName(name)
}

// json is one line of text.
func (p *problemDetails) json() []byte {
	text, err := json.Marshal(p)
	if err != nil {
		return []byte(`{"type":"about:blank","title":"Internal Server Error","status":500}`)
	}
	return append(text, '\n')
}

// httpStatus is that of a gRPC code; a precondition of the request itself is told as HTTP tells it.
func httpStatus(st *status.Status, asked *httpCall) int {
	if st.Code() == codes.Aborted && asked != nil && asked.ifMatch != "" &&
		reasonIn(st) == stackyardv1.ErrorReason_ETAG_MISMATCH.String() {
		return http.StatusPreconditionFailed
	}
	return runtime.HTTPStatusFromCode(st.Code())
}

func reasonIn(st *status.Status) string {
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

// writeProblem answers a problem.
func writeProblem(w http.ResponseWriter, r *http.Request, httpCode int, st *status.Status) {
	var found *route
	if asked := callOf(r.Context()); asked != nil {
		found = asked.route
		// What is wrong besides is nothing for those who have not said who they are.
		if st.Code() == codes.InvalidArgument && r.Header.Get("Authorization") == "" && !isPublic(found) {
			httpCode = http.StatusUnauthorized
			st = newError(codes.Unauthenticated, stackyardv1.ErrorReason_TOKEN_INVALID, "no token was sent")
		}
	}
	p := newProblem(httpCode, st, found, r.Header.Get("X-Request-Id"))
	h := w.Header()
	if httpCode == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="stackyard"`)
	}
	if p.RetryAfterSeconds > 0 {
		h.Set("Retry-After", strconv.FormatInt(p.RetryAfterSeconds, 10))
	}
	for _, name := range []string{"Trailer", "Transfer-Encoding", "ETag", "Last-Modified", "Location", "Content-Length"} {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", problemType)
	w.WriteHeader(httpCode)
	_, _ = w.Write(p.json())
}

// refuseHTTP answers what is wrong with the request as HTTP, before any RPC.
func refuseHTTP(w http.ResponseWriter, r *http.Request, httpCode int, message string) {
	writeProblem(w, r, httpCode, newError(codes.InvalidArgument,
		stackyardv1.ErrorReason_INVALID_FIELD, message))
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

// invalidField is an error that names one field.
func invalidField(field, description string) *status.Status {
	return newError(codes.InvalidArgument, stackyardv1.ErrorReason_INVALID_FIELD,
		field+": "+description, &errdetails.BadRequest{
			FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: field, Description: description}},
		})
}
