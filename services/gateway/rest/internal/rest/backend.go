package rest

import (
	"context"
	"crypto/md5" // What Terraform sends: it finds faults of the way, not forgeries.
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

const (
	// maxStateBytes is the largest state that is taken: what the gateway takes in one message, less
	// what is in it besides.
	maxStateBytes = maxMessageBytes - 64<<10
	maxLockBytes  = 64 << 10
	// maxStrangerBytes is the largest body that is read before it is known who sends it.
	maxStrangerBytes = 1 << 20
)

// backend speaks the protocol of Terraform's `http` backend at a stack's `…/state`. It keeps
// nothing: locks and states are those of StateService, and so are all decisions.
type backend struct {
	states   stackyardv1.StateServiceClient
	identity stackyardv1.IdentityServiceClient
	// What headers become metadata is the same as for all of the API.
	headers *runtime.ServeMux
	origins *http.CrossOriginProtection
}

// stateCall is one request of Terraform.
type stateCall struct {
	http.ResponseWriter
	request *http.Request
	// `projects/{project}/stacks/{stack}`.
	stack string
}

type stateMethod func(*backend, context.Context, stateCall) error

// stateMethods lists what can be asked for, by what follows `…/state`. The two verbs are for proxies
// that let no LOCK and UNLOCK pass.
var stateMethods = map[string]map[string]stateMethod{
	"":        {"GET": (*backend).get, "POST": (*backend).write, "LOCK": (*backend).lock, "UNLOCK": (*backend).unlock},
	":lock":   {"POST": (*backend).lock},
	":unlock": {"POST": (*backend).unlock},
}

var statePath = regexp.MustCompile(`^/v1/(projects/[^/]+/stacks/[^/]+)/state(?:(:lock|:unlock)?|/)$`)

// nearState is what a mistyped address of a state looks like.
var nearState = regexp.MustCompile(`(?i)^/v1/.*/state`)

// missesState is true for reads of what may have been meant for a state. Terraform takes 404 for a
// state that is empty, so they are to be answered otherwise.
func missesState(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && nearState.MatchString(r.URL.Path)
}

// withBackend answers for states of stacks, and hands on everything else.
func withBackend(conn grpc.ClientConnInterface, next http.Handler) http.Handler {
	b := &backend{
		states:   stackyardv1.NewStateServiceClient(conn),
		identity: stackyardv1.NewIdentityServiceClient(conn),
		headers:  runtime.NewServeMux(runtime.WithIncomingHeaderMatcher(passedOn)),
		origins:  http.NewCrossOriginProtection(),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		match := statePath.FindStringSubmatch(r.URL.Path)
		if match == nil {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		if err := b.serve(stateCall{w, r, match[1]}, stateMethods[match[2]]); err != nil {
			writeRefusal(w, err)
		}
	})
}

func (b *backend) serve(call stateCall, methods map[string]stateMethod) error {
	method, there := methods[call.request.Method]
	if !there {
		allowed := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
		call.Header().Set("Allow", allowed)
		return stateRefusal(http.StatusMethodNotAllowed, stackyardv1.ErrorReason_INVALID_FIELD,
			"method "+call.request.Method+" is not possible here; possible: "+allowed)
	}
	// Browsers send a password that they remember along with requests of any page.
	if err := b.origins.Check(call.request); err != nil {
		return stateRefusal(http.StatusForbidden, stackyardv1.ErrorReason_PERMISSION_MISSING, err.Error())
	}
	if !utf8.ValidString(call.stack) || !utf8.ValidString(call.lockID()) {
		return stateRefusal(http.StatusBadRequest, stackyardv1.ErrorReason_INVALID_FIELD,
			"the address is no UTF-8")
	}
	ctx, err := runtime.AnnotateContext(call.request.Context(), b.headers,
		withBearer(call.request), "stackyard.v1.StateService")
	if err != nil {
		return err
	}
	return method(b, ctx, call)
}

// lockID is the id that Terraform names when it writes under its lock.
func (c stateCall) lockID() string { return c.request.URL.Query().Get("ID") }

// body reads at most `limit` bytes, and checks them against the sum that Terraform sends.
func (c stateCall) body(limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c, c.request.Body, limit))
	if err != nil {
		return nil, bodyRefusal(err)
	}
	// A read deadline that passes later would cancel the request.
	_ = http.NewResponseController(c).SetReadDeadline(time.Time{})
	if sent := c.request.Header.Get("Content-MD5"); sent != "" && sent != contentMD5(body) {
		return nil, stateRefusal(http.StatusBadRequest, stackyardv1.ErrorReason_INVALID_FIELD,
			"Content-MD5 is "+contentMD5(body)+" and not as sent: the body was changed on its way")
	}
	return body, nil
}

func contentMD5(body []byte) string {
	sum := md5.Sum(body)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// get answers the current state. 404 is what Terraform takes for a state that is empty, and would
// then make everything anew; so it is the answer only where the stack is known to have none.
func (b *backend) get(ctx context.Context, call stateCall) error {
	name := call.stack + "/stateVersions/latest"
	answer, err := b.states.DownloadState(ctx, &stackyardv1.DownloadStateRequest{Name: name},
		grpc.MaxCallRecvMsgSize(maxMessageBytes+maxLockBytes))
	if isMissing(err, name) {
		return stateRefusal(http.StatusNotFound, stackyardv1.ErrorReason_RESOURCE_NOT_FOUND,
			call.stack+" has no state yet")
	}
	if isMissing(err, "") {
		return refusalOf(http.StatusGone, err)
	}
	if err != nil {
		return err
	}
	call.Header().Set("Content-Type", "application/json")
	call.Header().Set("Content-MD5", contentMD5(answer.GetState()))
	call.Header().Set("Content-Length", strconv.Itoa(len(answer.GetState())))
	_, _ = call.Write(answer.GetState())
	return nil
}

// write saves a state: a draft under the lock that `?ID=` names, else current at once.
func (b *backend) write(ctx context.Context, call stateCall) error {
	if size := call.request.ContentLength; size < 0 || size > maxStrangerBytes {
		if _, err := b.identity.WhoAmI(ctx, &stackyardv1.WhoAmIRequest{}); err != nil {
			return err
		}
	}
	state, err := call.body(maxStateBytes)
	if err != nil {
		return err
	}
	_, err = b.states.WriteState(ctx, &stackyardv1.WriteStateRequest{
		Parent: call.stack, State: state, LockId: call.lockID()})
	if isLocked(err) && call.lockID() != "" {
		return refusalOf(http.StatusConflict, err)
	}
	return err
}

// lock takes the lock, and tells it as it is held.
func (b *backend) lock(ctx context.Context, call stateCall) error {
	wanted, err := call.readLock()
	if err != nil {
		return err
	}
	held, err := b.states.LockState(ctx, &stackyardv1.LockStateRequest{
		Parent: call.stack, Lock: wanted.toProto()})
	if err != nil {
		return err
	}
	writeLock(call, http.StatusOK, lockInfoOf(held))
	return nil
}

// unlock gives the lock back, or breaks it for `force-unlock`.
func (b *backend) unlock(ctx context.Context, call stateCall) error {
	lock, err := call.readLock()
	switch {
	case err != nil:
		return err
	case lock.ID == "":
		lock.ID = call.lockID()
	case lock.isForced():
		return b.forceUnlock(ctx, call, lock.ID)
	}
	if lock.ID == "" {
		return b.forceUnlock(ctx, call, "")
	}
	_, err = b.states.UnlockState(ctx, &stackyardv1.UnlockStateRequest{
		Parent: call.stack, LockId: lock.ID})
	if isLocked(err) {
		return refusalOf(http.StatusConflict, err)
	}
	return err
}

// forceUnlock breaks a lock: the one that OpenTofu names, or whichever is held for Terraform, which
// names none.
func (b *backend) forceUnlock(ctx context.Context, call stateCall, id string) error {
	_, err := b.states.ForceUnlockState(ctx, &stackyardv1.ForceUnlockStateRequest{
		Parent: call.stack, LockId: id, Reason: "force-unlock by " + userAgent(call.request)})
	if isLocked(err) {
		return refusalOf(http.StatusConflict, err)
	}
	return err
}

// userAgent is the name of the program that asks, where it can be told in an event.
func userAgent(r *http.Request) string {
	name, _, _ := strings.Cut(r.UserAgent(), " ")
	if !plainRequestID.MatchString(strings.ReplaceAll(name, "/", "-")) {
		return "Terraform's http backend"
	}
	return name
}

// withBearer is the request with the password of its Basic credentials as a bearer token: Terraform
// can send no other.
func withBearer(r *http.Request) *http.Request {
	_, password, basic := r.BasicAuth()
	if !basic {
		return r
	}
	known := r.Clone(r.Context())
	known.Header.Del("Authorization")
	// No token has other letters, and no metadata can hold them.
	if !strings.ContainsFunc(password, func(c rune) bool { return c <= ' ' || c > '~' }) && password != "" {
		known.Header.Set("Authorization", "Bearer "+password)
	}
	return known
}

// codeOf is the HTTP code of an error of StateService.
func codeOf(err error) int {
	switch stateReason(err) {
	case stackyardv1.ErrorReason_STATE_LOCKED:
		return http.StatusLocked
	case stackyardv1.ErrorReason_STATE_CONFLICT:
		return http.StatusConflict
	case stackyardv1.ErrorReason_WRONG_STATE:
		// Terraform takes 409 for a lock.
		return http.StatusPreconditionFailed
	}
	return runtime.HTTPStatusFromCode(statusOf(err).Code())
}

// stateRefusal is an error that was found here.
func stateRefusal(httpCode int, reason stackyardv1.ErrorReason, message string) error {
	return refusalOf(httpCode, newError(codes.FailedPrecondition, reason, message).Err())
}
