package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

const (
	statePathOfS = "/v1/projects/p/stacks/s/state"
	stackOfS     = "projects/p/stacks/s"
)

// fakeStates answers what a test says, and remembers what it was asked.
type fakeStates struct {
	stackyardv1.UnimplementedStateServiceServer
	stackyardv1.UnimplementedIdentityServiceServer
	// The next answer of any method; nil: the fields below.
	refuse error
	state  []byte
	held   *stackyardv1.StateLock
	// Requests and the metadata of the last.
	asked []proto.Message
	seen  metadata.MD
}

func (f *fakeStates) take(ctx context.Context, request proto.Message) error {
	f.asked = append(f.asked, request)
	f.seen, _ = metadata.FromIncomingContext(ctx)
	return f.refuse
}

func (f *fakeStates) DownloadState(ctx context.Context, r *stackyardv1.DownloadStateRequest) (*stackyardv1.DownloadStateResponse, error) {
	return &stackyardv1.DownloadStateResponse{State: f.state}, f.take(ctx, r)
}

func (f *fakeStates) WriteState(ctx context.Context, r *stackyardv1.WriteStateRequest) (*stackyardv1.StateVersion, error) {
	return &stackyardv1.StateVersion{Serial: 2}, f.take(ctx, r)
}

func (f *fakeStates) LockState(ctx context.Context, r *stackyardv1.LockStateRequest) (*stackyardv1.StateLock, error) {
	return f.held, f.take(ctx, r)
}

func (f *fakeStates) UnlockState(ctx context.Context, r *stackyardv1.UnlockStateRequest) (*stackyardv1.StateLock, error) {
	return &stackyardv1.StateLock{}, f.take(ctx, r)
}

func (f *fakeStates) ForceUnlockState(ctx context.Context, r *stackyardv1.ForceUnlockStateRequest) (*stackyardv1.StateLock, error) {
	return &stackyardv1.StateLock{}, f.take(ctx, r)
}

func (f *fakeStates) GetStateLock(ctx context.Context, r *stackyardv1.GetStateLockRequest) (*stackyardv1.StateLock, error) {
	return f.held, f.take(ctx, r)
}

func (f *fakeStates) WhoAmI(ctx context.Context, r *stackyardv1.WhoAmIRequest) (*stackyardv1.WhoAmIResponse, error) {
	return &stackyardv1.WhoAmIResponse{}, f.take(ctx, r)
}

// connOf serves a fake over gRPC.
func connOf(t *testing.T, fake *fakeStates) *grpc.ClientConn {
	t.Helper()
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessageBytes))
	stackyardv1.RegisterStateServiceServer(server, fake)
	stackyardv1.RegisterIdentityServiceServer(server, fake)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); server.Stop() })
	return conn
}

// startStates serves a fake, and the backend in front of it over HTTP.
func startStates(t *testing.T) (*fakeStates, string) {
	t.Helper()
	fake := &fakeStates{held: &stackyardv1.StateLock{}}
	log := slog.New(slog.DiscardHandler)
	front := httptest.NewServer(withRequestID(withLog(log, time.Minute,
		withBackend(connOf(t, fake), http.HandlerFunc(notFound)))))
	t.Cleanup(front.Close)
	return fake, front.URL
}

// refusedWith is an error of stacks.
func refusedWith(code codes.Code, reason stackyardv1.ErrorReason, message string, metadata map[string]string) error {
	detail, _ := anypb.New(&errdetails.ErrorInfo{Reason: reason.String(), Domain: errorDomain, Metadata: metadata})
	return status.ErrorProto(&spb.Status{Code: int32(code), Message: message, Details: []*anypb.Any{detail}})
}

func heldByDan(id string) error {
	return refusedWith(codes.FailedPrecondition, stackyardv1.ErrorReason_STATE_LOCKED, "locked by users/dan",
		map[string]string{"resource": stackOfS + "/stateLock", "lock_id": id, "who": "users/dan (dan@desk)",
			"operation": "OperationTypeApply", "info": "i", "version": "1.11.4",
			"create_time": "2026-11-26T08:00:00.5Z"})
}

// last is the last request, which must be of this type.
func last[T proto.Message](t *testing.T, f *fakeStates) T {
	t.Helper()
	if len(f.asked) == 0 {
		t.Fatal("nothing was asked")
	}
	request, ok := f.asked[len(f.asked)-1].(T)
	if !ok {
		t.Fatalf("asked %T", f.asked[len(f.asked)-1])
	}
	return request
}

func TestBackendAnswersTheStateByItsBytes(t *testing.T) {
	fake, url := startStates(t)
	fake.state = []byte("{\n \"version\": 4}\n")
	response, body := call(t, "GET", url+statePathOfS, "")
	if response.StatusCode != 200 || body != string(fake.state) {
		t.Error(response.StatusCode, body)
	}
	if got := response.Header.Get("Content-MD5"); got != contentMD5(fake.state) || len(got) != 24 {
		t.Errorf("Content-MD5 %q", got)
	}
	if got := response.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	if got := last[*stackyardv1.DownloadStateRequest](t, fake).GetName(); got != stackOfS+"/stateVersions/latest" {
		t.Error(got)
	}
}

// To Terraform 404 means that everything is to be made anew.
func TestBackendSaysNoStateOnlyOfAStackThatExists(t *testing.T) {
	fake, url := startStates(t)
	for resource, want := range map[string]int{
		stackOfS + "/stateVersions/latest": 404, stackOfS: 410, "projects/p": 410, "": 410,
	} {
		fake.refuse = refusedWith(codes.NotFound, stackyardv1.ErrorReason_RESOURCE_NOT_FOUND, "gone",
			map[string]string{"resource": resource})
		if response, body := call(t, "GET", url+statePathOfS, ""); response.StatusCode != want {
			t.Errorf("%q: %d %s", resource, response.StatusCode, body)
		}
	}
	fake.refuse = status.Error(codes.NotFound, "of somebody else")
	if response, body := call(t, "GET", url+statePathOfS, ""); response.StatusCode != 410 {
		t.Error(response.StatusCode, body)
	}
}

func TestBackendTakesOneSlashBehindTheAddress(t *testing.T) {
	fake, url := startStates(t)
	fake.state = []byte("{}")
	for _, path := range []string{statePathOfS + "/", statePathOfS + "%2F"} {
		if response, body := call(t, "GET", url+path, ""); response.StatusCode != 200 || body != "{}" {
			t.Error(path, response.StatusCode, body)
		}
	}
	response, body := call(t, "LOCK", url+statePathOfS+"/", "{}")
	if response.StatusCode != 200 || last[*stackyardv1.LockStateRequest](t, fake).GetParent() != stackOfS {
		t.Error(response.StatusCode, body)
	}
}

// The API has routes that begin as the state does, and answers them itself.
func TestOnlyWhatIsNoRouteMissesTheState(t *testing.T) {
	_, _, url := start(t, nil)
	for path, want := range map[string]int{"/stateVersions": 501, "/stateLock": 501, "/stateVersion": 410, "/state/latest": 410} {
		if response, body := call(t, "GET", url+"/v1/projects/p/stacks/s"+path, ""); response.StatusCode != want {
			t.Error(path, response.StatusCode, body)
		}
	}
}

func TestBackendWritesUnderTheLockThatIsNamed(t *testing.T) {
	fake, url := startStates(t)
	response, body := call(t, "POST", url+statePathOfS+"?ID=l%2F1", "{}", "Content-MD5", contentMD5([]byte("{}")))
	if response.StatusCode != 200 {
		t.Fatal(response.StatusCode, body)
	}
	want := &stackyardv1.WriteStateRequest{Parent: stackOfS, State: []byte("{}"), LockId: "l/1"}
	if got := last[*stackyardv1.WriteStateRequest](t, fake); !proto.Equal(got, want) {
		t.Error(got)
	}
	asked := len(fake.asked)
	response, body = call(t, "POST", url+statePathOfS, "{} ", "Content-MD5", contentMD5([]byte("{}")))
	if response.StatusCode != 400 || !strings.Contains(body, "Content-MD5") || len(fake.asked) != asked {
		t.Error(response.StatusCode, body)
	}
}

func TestBackendTakesLargeStatesOfThoseItKnows(t *testing.T) {
	fake, url := startStates(t)
	large := strings.Repeat("x", maxStateBytes)
	if response, body := call(t, "POST", url+statePathOfS, large); response.StatusCode != 200 {
		t.Fatal(response.StatusCode, body)
	}
	if got := last[*stackyardv1.WriteStateRequest](t, fake); len(got.GetState()) != len(large) {
		t.Error(len(got.GetState()))
	}
	fake.state = []byte(large)
	if response, body := call(t, "GET", url+statePathOfS, ""); response.StatusCode != 200 || body != large {
		t.Error(response.StatusCode, len(body))
	}
	response, body := call(t, "POST", url+statePathOfS, large+"x")
	if response.StatusCode != 413 {
		t.Error(response.StatusCode, body)
	}

	// Of a stranger nothing is read.
	fake.refuse = refusedWith(codes.Unauthenticated, stackyardv1.ErrorReason_TOKEN_INVALID, "who?", nil)
	for _, length := range []int64{maxStrangerBytes + 1, -1} {
		endless := &countedBody{}
		request := httptest.NewRequest("POST", statePathOfS, endless)
		request.ContentLength = length
		response := httptest.NewRecorder()
		withBackend(connOf(t, fake), nil).ServeHTTP(response, request)
		if response.Code != 401 || endless.read != 0 {
			t.Error(response.Code, endless.read)
		}
	}
}

// countedBody has no end.
type countedBody struct{ read int }

func (b *countedBody) Read(into []byte) (int, error) { b.read += len(into); return len(into), nil }

const lockOfTerraform = `{"ID":"l1","Operation":"OperationTypeApply","Info":"i","Who":"dan@desk",` +
	`"Version":"1.11.4","Created":"2026-11-26T08:00:00.123456789Z","Path":""}`

func TestBackendLocks(t *testing.T) {
	for _, way := range [][2]string{{"LOCK", statePathOfS}, {"POST", statePathOfS + ":lock"}} {
		fake, url := startStates(t)
		fake.held = &stackyardv1.StateLock{Name: stackOfS + "/stateLock", LockId: "l1", Who: "users/dan (dan@desk)",
			CreateTime: timestamppb.New(time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC))}
		response, body := call(t, way[0], url+way[1], lockOfTerraform)
		if response.StatusCode != 200 || !strings.Contains(body, `"Created":"2026-11-26T08:00:00Z"`) {
			t.Error(way, response.StatusCode, body)
		}
		want := &stackyardv1.LockStateRequest{Parent: stackOfS, Lock: &stackyardv1.StateLock{
			LockId: "l1", Operation: "OperationTypeApply", Info: "i", Who: "dan@desk", Version: "1.11.4"}}
		if got := last[*stackyardv1.LockStateRequest](t, fake); !proto.Equal(got, want) {
			t.Error(got)
		}
	}
}

func TestBackendTellsTheHolder(t *testing.T) {
	fake, url := startStates(t)
	fake.refuse = heldByDan("l1")
	want := `{"ID":"l1","Operation":"OperationTypeApply","Info":"i","Who":"users/dan (dan@desk)",` +
		`"Version":"1.11.4","Created":"2026-11-26T08:00:00.5Z","Path":"projects/p/stacks/s/stateLock"}` + "\n"
	for _, way := range [][2]string{{"LOCK", statePathOfS}, {"POST", statePathOfS}} {
		response, body := call(t, way[0], url+way[1], lockOfTerraform)
		if response.StatusCode != 423 || body != want {
			t.Error(way, response.StatusCode, body)
		}
	}
	// Who names a lock that is another's, or nobody's any more, has lost theirs.
	for _, way := range [][2]string{{"POST", statePathOfS + "?ID=l2"}, {"UNLOCK", statePathOfS}, {"POST", statePathOfS + ":unlock"}} {
		response, body := call(t, way[0], url+way[1], lockOfTerraform)
		if response.StatusCode != 409 || !strings.Contains(body, `"reason":"STATE_LOCKED"`) {
			t.Error(way, response.StatusCode, body)
		}
	}
	fake.refuse = refusedWith(codes.FailedPrecondition, stackyardv1.ErrorReason_STATE_LOCKED, "not held", nil)
	if response, body := call(t, "POST", url+statePathOfS, "{}"); response.StatusCode != 423 || !strings.Contains(body, "not held") {
		t.Error(response.StatusCode, body)
	}
}

func TestBackendUnlocksAndBreaksLocks(t *testing.T) {
	// As OpenTofu names a lock that it wants broken.
	forced := `{"ID":"l1","Operation":"","Info":"","Who":"","Version":"","Created":"0001-01-01T00:00:00Z","Path":""}`
	for name, c := range map[string]struct{ path, body, want string }{
		"terraform":              {statePathOfS, lockOfTerraform, "UnlockStateRequest"},
		"curl":                   {statePathOfS + "?ID=l1", "", "UnlockStateRequest"},
		"curl with a body":       {statePathOfS, `{"ID":"l1"}`, "UnlockStateRequest"},
		"terraform force-unlock": {statePathOfS, "", "ForceUnlockStateRequest"},
		"tofu force-unlock":      {statePathOfS, forced, "ForceUnlockStateRequest"},
	} {
		t.Run(name, func(t *testing.T) {
			fake, url := startStates(t)
			fake.held = &stackyardv1.StateLock{LockId: "l1", Who: "users/dan"}
			response, body := call(t, "UNLOCK", url+c.path, c.body, "User-Agent", "Terraform/1.11.4 (+https://x)")
			if response.StatusCode != 200 || body != "" {
				t.Error(response.StatusCode, body)
			}
			request := fake.asked[len(fake.asked)-1]
			if got := string(request.ProtoReflect().Descriptor().Name()); got != c.want {
				t.Fatalf("asked %s", got)
			}
			switch r := request.(type) {
			case *stackyardv1.UnlockStateRequest:
				if r.GetParent() != stackOfS || r.GetLockId() != "l1" {
					t.Error(r)
				}
			case *stackyardv1.ForceUnlockStateRequest:
				if r.GetParent() != stackOfS || r.GetReason() != "force-unlock by Terraform/1.11.4" {
					t.Error(r)
				}
			}
		})
	}
	fake, url := startStates(t)
	fake.refuse = refusedWith(codes.FailedPrecondition, stackyardv1.ErrorReason_STATE_LOCKED, "locked by users/dora", nil)
	response, body := call(t, "UNLOCK", url+statePathOfS, forced)
	if id := last[*stackyardv1.ForceUnlockStateRequest](t, fake).GetLockId(); id != "l1" {
		t.Error("another's lock would be broken too", id)
	}
	if response.StatusCode != 409 || !strings.Contains(body, "users/dora") {
		t.Error(response.StatusCode, body)
	}
}

func TestBackendRefusals(t *testing.T) {
	fake, url := startStates(t)
	for name, c := range map[string]struct {
		err      error
		method   string
		code     int
		contains string
	}{
		"conflict": {refusedWith(codes.FailedPrecondition, stackyardv1.ErrorReason_STATE_CONFLICT, "has the serial 3 already", nil),
			"POST", 409, "serial 3"},
		"ended": {refusedWith(codes.FailedPrecondition, stackyardv1.ErrorReason_WRONG_STATE, "is DESTROYED", nil),
			"LOCK", 412, "DESTROYED"},
		"forbidden": {refusedWith(codes.PermissionDenied, stackyardv1.ErrorReason_PERMISSION_MISSING, "states.forceUnlock", nil),
			"UNLOCK", 403, "states.forceUnlock"},
		"no stack": {refusedWith(codes.NotFound, stackyardv1.ErrorReason_RESOURCE_NOT_FOUND, "no such stack", nil),
			"LOCK", 404, "no such stack"},
		"away":     {status.Error(codes.Unavailable, "away"), "GET", 503, "away"},
		"bad name": {refusedWith(codes.InvalidArgument, stackyardv1.ErrorReason_INVALID_FIELD, "parent", nil), "LOCK", 400, "INVALID_FIELD"},
	} {
		fake.refuse = c.err
		response, body := call(t, c.method, url+statePathOfS, "")
		if response.StatusCode != c.code || !strings.Contains(body, c.contains) {
			t.Error(name, response.StatusCode, body)
		}
		var told problemDetails
		if err := json.Unmarshal([]byte(body), &told); err != nil || told.Status != c.code ||
			strings.TrimPrefix(told.Instance, "urn:stackyard:request:") != response.Header.Get("X-Request-Id") || told.Instance == "" ||
			response.Header.Get("Content-Type") != "application/problem+json" {
			t.Error(name, err, response.Header, body)
		}
	}
	fake.refuse = status.FromProto(&spb.Status{Code: int32(codes.ResourceExhausted), Message: "slow down"}).Err()
	if response, body := call(t, "LOCK", url+statePathOfS, "{}"); response.StatusCode != 429 {
		t.Error(response.StatusCode, body)
	}
}

func TestBackendRefusesWhatItCannotRead(t *testing.T) {
	fake, url := startStates(t)
	for name, c := range map[string]struct {
		method, path, body string
		code               int
	}{
		"no lock":            {"LOCK", statePathOfS, "{", 400},
		"a list":             {"LOCK", statePathOfS, "[]", 400},
		"two locks":          {"LOCK", statePathOfS, "{} {}", 400},
		"a number for an id": {"LOCK", statePathOfS, `{"ID":1}`, 400},
		"no time":            {"LOCK", statePathOfS, `{"ID":"a","Created":"now"}`, 400},
		"a long lock":        {"LOCK", statePathOfS, `{"Info":"` + strings.Repeat("x", maxLockBytes) + `"}`, 413},
		"no UTF-8 in an id":  {"POST", statePathOfS + "?ID=%ff", "{}", 400},
		"no UTF-8 in a path": {"GET", "/v1/projects/%ff/stacks/s/state", "", 400},
		"delete":             {"DELETE", statePathOfS, "", 405},
		"a lock by a GET":    {"GET", statePathOfS + ":lock", "", 405},
		"another verb":       {"POST", statePathOfS + ":steal", "", 404},
		"below":              {"GET", statePathOfS + "/x", "", 410},
		"two slashes":        {"GET", statePathOfS + "//", "", 410},
		"a read of a verb":   {"GET", statePathOfS + ":steal", "", 410},
		"in capitals":        {"GET", "/v1/projects/p/stacks/s/State", "", 410},
		"many states":        {"GET", "/v1/projects/p/stacks/s/states", "", 410},
		"no project":         {"GET", "/v1/projects//stacks/s/state", "", 410},
		"a slash in a name":  {"GET", "/v1/projects/p/stacks/a%2Fb/state", "", 410},
		"of something else":  {"GET", "/v1/projects/p/stacks/s/shoe", "", 404},
	} {
		response, body := call(t, c.method, url+c.path, c.body)
		if response.StatusCode != c.code || len(fake.asked) != 0 {
			t.Error(name, response.StatusCode, body, fake.asked)
		}
	}
	response, _ := call(t, "DELETE", url+statePathOfS, "")
	if got := response.Header.Get("Allow"); got != "GET, LOCK, POST, UNLOCK" {
		t.Error(got)
	}
	request, err := http.NewRequest("POST", url+statePathOfS, io.LimitReader(strings.NewReader("{"), 1))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	if answer, err := http.DefaultClient.Do(request); err != nil || answer.StatusCode != 403 || len(fake.asked) != 0 {
		t.Error("a page of elsewhere wrote a state", err, answer.StatusCode)
	}
}

func TestBackendTakesPasswordsForTokens(t *testing.T) {
	fake, url := startStates(t)
	for name, c := range map[string]struct {
		user, password, header string
		want                   []string
	}{
		"basic":                {"token", "sy_1", "", []string{"Bearer sy_1"}},
		"basic without a name": {"", "sy_1", "", []string{"Bearer sy_1"}},
		"bearer":               {"", "", "Bearer sy_1", []string{"Bearer sy_1"}},
		"no password":          {"sy_1", "", "", nil},
		"no possible token":    {"token", "sy\n1", "", nil},
		"not of ASCII":         {"token", "sÿ", "", nil},
		"nothing":              {"", "", "", nil},
	} {
		request, err := http.NewRequest("GET", url+statePathOfS, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.header != "" {
			request.Header.Set("Authorization", c.header)
		} else if c.user != "" || c.password != "" {
			request.SetBasicAuth(c.user, c.password)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil || response.StatusCode != 200 {
			t.Fatal(name, err, response.StatusCode)
		}
		_ = response.Body.Close()
		if got := fake.seen.Get("authorization"); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	fake.refuse = refusedWith(codes.Unauthenticated, stackyardv1.ErrorReason_TOKEN_INVALID, "unknown", nil)
	response, _ := call(t, "GET", url+statePathOfS, "")
	want := []string{`Basic realm="stackyard"`, `Bearer realm="stackyard"`}
	if got := response.Header.Values("Www-Authenticate"); response.StatusCode != 401 || !slices.Equal(got, want) {
		t.Error(response.StatusCode, got)
	}
}

func TestBackendPassesOnWhatTheApiDoes(t *testing.T) {
	fake, url := startStates(t)
	call(t, "GET", url+statePathOfS, "", "X-Request-Id", "abc-1", "X-Stackyard-Principal-Bin", "Zm9v",
		"Grpc-Metadata-X-Stackyard-Principal-Bin", "Zm9v")
	if got := fake.seen.Get("x-request-id"); !slices.Equal(got, []string{"abc-1"}) {
		t.Error(got)
	}
	if got := fake.seen.Get("x-stackyard-principal-bin"); len(got) > 0 {
		t.Errorf("a client set the principal: %v", got)
	}
}

// Nobody finds a state or a token in the log.
func TestBackendLogsNoSecret(t *testing.T) {
	var log bytes.Buffer
	fake := &fakeStates{state: []byte(`{"secret":"hunter2"}`), held: &stackyardv1.StateLock{}}
	front := withRequestID(withLog(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		time.Minute, withBackend(connOf(t, fake), nil)))
	for _, method := range []string{"GET", "POST", "LOCK", "UNLOCK"} {
		request := httptest.NewRequest(method, statePathOfS+"?ID=hunter2", strings.NewReader(`{"ID":"hunter2"}`))
		request.SetBasicAuth("token", "hunter2")
		response := httptest.NewRecorder()
		front.ServeHTTP(response, request)
		if response.Code != 200 {
			t.Error(method, response.Code, response.Body.String())
		}
	}
	if text := log.String(); strings.Contains(text, "hunter2") || strings.Count(text, statePathOfS) != 4 {
		t.Error(text)
	}
}
