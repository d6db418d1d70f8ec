package rest

import (
	"errors"
	"net/http"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

// stateError is an error whose HTTP code is not the one that its status alone would have.
type stateError struct {
	httpCode int
	error
}

func (r *stateError) Unwrap() error { return r.error }

func refusalOf(httpCode int, err error) error { return &stateError{httpCode, err} }

// bodyRefusal is why a body could not be read.
func bodyRefusal(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return stateRefusal(http.StatusRequestEntityTooLarge, stackyardv1.ErrorReason_INVALID_FIELD,
			"the body is larger than "+strconv.FormatInt(tooLarge.Limit, 10)+" bytes")
	}
	return stateRefusal(http.StatusBadRequest, stackyardv1.ErrorReason_INVALID_FIELD,
		"the body did not arrive whole")
}

// writeRefusal answers an error: the holder of the lock where there is one to tell, else why.
func writeRefusal(w http.ResponseWriter, err error) {
	httpCode := codeOf(err)
	var known *stateError
	if errors.As(err, &known) {
		httpCode = known.httpCode
	}
	if holder := infoOf(err).GetMetadata(); httpCode == http.StatusLocked && holder["lock_id"] != "" {
		writeLock(w, httpCode, lockInfoFrom(holder))
		return
	}
	h := w.Header()
	if httpCode == http.StatusUnauthorized {
		h["Www-Authenticate"] = []string{`Basic realm="stackyard"`, `Bearer realm="stackyard"`}
	}
	p := newProblem(httpCode, statusOf(err), nil, h.Get("X-Request-Id"))
	if p.RetryAfterSeconds > 0 {
		h.Set("Retry-After", strconv.FormatInt(p.RetryAfterSeconds, 10))
	}
	h.Set("Content-Type", problemType)
	w.WriteHeader(httpCode)
	_, _ = w.Write(p.json())
}

// statusOf is the status that an error carries; of those that carry none, Unknown.
func statusOf(err error) *status.Status {
	var known *stateError
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

func stateReason(err error) stackyardv1.ErrorReason {
	return stackyardv1.ErrorReason(stackyardv1.ErrorReason_value[infoOf(err).GetReason()])
}

func isLocked(err error) bool {
	return err != nil && stateReason(err) == stackyardv1.ErrorReason_STATE_LOCKED
}

// isMissing is true for an error that says that this resource, or any for "", does not exist.
func isMissing(err error, resource string) bool {
	return err != nil && statusOf(err).Code() == codes.NotFound &&
		(resource == "" || infoOf(err).GetMetadata()["resource"] == resource)
}
