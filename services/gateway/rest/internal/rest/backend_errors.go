package rest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

// refusal is an error whose HTTP code is not the one that its status alone would have.
type refusal struct {
	httpCode int
	error
}

func (r *refusal) Unwrap() error { return r.error }

func refusalOf(httpCode int, err error) error { return &refusal{httpCode, err} }

// bodyRefusal is why a body could not be read.
func bodyRefusal(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return refuse(http.StatusRequestEntityTooLarge, stackyardv1.ErrorReason_INVALID_FIELD,
			"the body is larger than "+strconv.FormatInt(tooLarge.Limit, 10)+" bytes")
	}
	return refuse(http.StatusBadRequest, stackyardv1.ErrorReason_INVALID_FIELD,
		"the body did not arrive whole")
}

// problem is an error as people read it in what Terraform prints.
type problem struct {
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Reason    string `json:"reason,omitempty"`
	RequestID string `json:"requestId,omitempty"`
}

// writeRefusal answers an error: the holder of the lock where there is one to tell, else why.
func writeRefusal(w http.ResponseWriter, err error) {
	httpCode := codeOf(err)
	var known *refusal
	if errors.As(err, &known) {
		httpCode = known.httpCode
	}
	if holder := infoOf(err).GetMetadata(); httpCode == http.StatusLocked && holder["lock_id"] != "" {
		writeLock(w, httpCode, lockInfoFrom(holder))
		return
	}
	h := w.Header()
	switch httpCode {
	case http.StatusUnauthorized:
		h["Www-Authenticate"] = []string{`Basic realm="stackyard"`, `Bearer realm="stackyard"`}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if seconds := retryAfter(statusOf(err)); seconds > 0 {
			h.Set("Retry-After", strconv.FormatInt(seconds, 10))
		}
	}
	body, _ := json.Marshal(problem{
		Title: http.StatusText(httpCode), Status: httpCode, Detail: statusOf(err).Message(),
		Reason: infoOf(err).GetReason(), RequestID: h.Get("X-Request-Id")})
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(httpCode)
	_, _ = w.Write(append(body, '\n'))
}

// statusOf is the status that an error carries; of those that carry none, Unknown.
func statusOf(err error) *status.Status {
	var known *refusal
	if errors.As(err, &known) {
		err = known.error
	}
	return status.Convert(err)
}

// infoOf is the ErrorInfo of an error, nil where it has none.
func infoOf(err error) *errdetails.ErrorInfo {
	for _, detail := range statusOf(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == errorDomain {
			return info
		}
	}
	return nil
}

func reasonOf(err error) stackyardv1.ErrorReason {
	return stackyardv1.ErrorReason(stackyardv1.ErrorReason_value[infoOf(err).GetReason()])
}

func isLocked(err error) bool {
	return err != nil && reasonOf(err) == stackyardv1.ErrorReason_STATE_LOCKED
}

// isMissing is true for an error that says that this resource, or any for "", does not exist.
func isMissing(err error, resource string) bool {
	return err != nil && statusOf(err).Code() == codes.NotFound &&
		(resource == "" || infoOf(err).GetMetadata()["resource"] == resource)
}
