package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

// fakeRest serves what the stacks of the tests refer to.
type fakeRest struct {
	stackyardv1.UnimplementedCatalogServiceServer
	stackyardv1.UnimplementedDocumentServiceServer
	stackyardv1.UnimplementedIdentityServiceServer
	stackyardv1.UnimplementedOperationServiceServer
	stackyardv1.UnimplementedRunServiceServer
	users atomic.Int32
	put   *stackyardv1.PutDocumentRequest
	// How often it was asked who somebody is, and by what the last time.
	asked   atomic.Int32
	whoSent metadata.MD
}

func (f *fakeRest) register(backend *grpc.Server) {
	stackyardv1.RegisterCatalogServiceServer(backend, f)
	stackyardv1.RegisterDocumentServiceServer(backend, f)
	stackyardv1.RegisterIdentityServiceServer(backend, f)
	stackyardv1.RegisterOperationServiceServer(backend, f)
	stackyardv1.RegisterRunServiceServer(backend, f)
}

func (f *fakeRest) WhoAmI(ctx context.Context, _ *stackyardv1.WhoAmIRequest) (*stackyardv1.WhoAmIResponse, error) {
	f.asked.Add(1)
	sent, _ := metadata.FromIncomingContext(ctx)
	f.whoSent = sent
	if tokens := sent.Get("authorization"); len(tokens) != 1 || tokens[0] != "Bearer somebody" {
		return nil, newError(codes.Unauthenticated, stackyardv1.ErrorReason_TOKEN_INVALID, "unknown").Err()
	}
	return &stackyardv1.WhoAmIResponse{}, nil
}

func (f *fakeRest) ListIdentityProviders(context.Context, *stackyardv1.ListIdentityProvidersRequest) (*stackyardv1.ListIdentityProvidersResponse, error) {
	return &stackyardv1.ListIdentityProvidersResponse{IdentityProviders: []*stackyardv1.IdentityProvider{
		{Issuer: "https://id.example", DisplayName: "Example", ClientId: "console"}}}, nil
}

func (f *fakeRest) GetUser(ctx context.Context, r *stackyardv1.GetUserRequest) (*stackyardv1.User, error) {
	f.users.Add(1)
	sent, _ := metadata.FromIncomingContext(ctx)
	if tokens := sent.Get("authorization"); len(tokens) != 1 || tokens[0] != "Bearer ann" {
		return nil, newError(codes.PermissionDenied, stackyardv1.ErrorReason_PERMISSION_MISSING, "not yours").Err()
	}
	return &stackyardv1.User{Name: r.Name, Email: "ann@example.com", Etag: "u1"}, nil
}

func (f *fakeRest) ListRuns(_ context.Context, r *stackyardv1.ListRunsRequest) (*stackyardv1.ListRunsResponse, error) {
	return &stackyardv1.ListRunsResponse{Runs: []*stackyardv1.Run{{Name: r.Parent + "/runs/1"}}, NextPageToken: "more"}, nil
}

func (f *fakeRest) GetOperation(_ context.Context, r *stackyardv1.GetOperationRequest) (*longOperation, error) {
	metadata, _ := anypb.New(&stackyardv1.OperationMetadata{
		Target: "projects/p/stacks/web", Run: "projects/p/stacks/web/runs/1", Creator: "users/ann"})
	response, _ := anypb.New(&stackyardv1.Stack{Name: "projects/p/stacks/web", Creator: "users/ann"})
	return &longOperation{Name: r.Name, Done: true, Metadata: metadata,
		Result: &operationResponse{Response: response}}, nil
}

func (f *fakeRest) PutDocument(_ context.Context, r *stackyardv1.PutDocumentRequest) (*stackyardv1.Document, error) {
	f.put = r
	return &stackyardv1.Document{Name: r.Name, Etag: "d2"}, nil
}

func (f *fakeRest) ReadPublicDocument(ctx context.Context, r *stackyardv1.ReadPublicDocumentRequest) (*httpbody.HttpBody, error) {
	_ = grpc.SetHeader(ctx, metadata.Pairs("etag", `"abc"`, "cache-control", "public, max-age=60",
		"last-modified", "Sat, 31 Jan 2026 12:00:00 GMT", "x-secret", "7"))
	return &httpbody.HttpBody{ContentType: "application/json", Data: []byte(`{"b":1.0,  "a":12345678901234567890}`)}, nil
}

func parsed(t *testing.T, text string) map[string]any {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return value
}

// at follows a path of keys and indexes into JSON.
func at(value any, path ...any) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			inner, _ := value.(map[string]any)
			value = inner[key]
		case int:
			inner, _ := value.([]any)
			if key >= len(inner) {
				return nil
			}
			value = inner[key]
		}
	}
	return value
}

func TestLinks(t *testing.T) {
	_, _, url := start(t, nil)
	_, text := call(t, "GET", url+"/v1/projects/p/stacks/full", "")
	stack := parsed(t, text)
	for name, want := range map[string]string{
		"self": "/v1/projects/p/stacks/full", "parent": "/v1/projects/p",
		"runs": "/v1/projects/p/stacks/full/runs", "stateLock": "/v1/projects/p/stacks/full/stateLock",
		"creator": "/v1/users/ann", "templateVersion": "/v1/templates/hello/versions/1",
		"runsOfTheService": "/kept",
	} {
		if got := at(stack, "links", name); got != want {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
	if at(stack, "links", "operation") != nil {
		t.Error("a link to what is not named")
	}
	// In lists, in answers without a field for links, with what must be escaped.
	_, text = call(t, "GET", url+"/v1/projects/p/stacks?filter=one", "")
	if got := at(parsed(t, text), "stacks", 0, "links", "self"); got != "/v1/projects/p/stacks/one" {
		t.Error(text)
	}
	_, text = call(t, "GET", url+"/v1/projects/p/stacks/s/resources/aws_x.y%5B%22a%2Fb%22%5D", "")
	if got := at(parsed(t, text), "links", "self"); got != "/v1/projects/p/stacks/s/resources/aws_x.y%5B%22a/b%22%5D" {
		t.Error(text)
	}
	// In operations: of themselves, and of what they answer.
	_, text = call(t, "GET", url+"/v1/operations/1", "")
	operation := parsed(t, text)
	if at(operation, "links", "run") != "/v1/projects/p/stacks/web/runs/1" ||
		at(operation, "response", "links", "parent") != "/v1/projects/p" ||
		at(operation, "response", "@type") != "type.googleapis.com/stackyard.v1.Stack" {
		t.Error(text)
	}
}

// What is taken apart here must be what protojson says, but for the links.
func TestEncodesAsProtoJSON(t *testing.T) {
	kinds := newResources(newRouteTable(apiRoutes()))
	token := &stackyardv1.CreateTokenResponse{Secret: "a\"<b>\u2028",
		Token: &stackyardv1.Token{DisplayName: "x", CreateTime: timestamppb.New(timestamppb.Now().AsTime())}}
	list := &stackyardv1.ListStacksResponse{Stacks: []*stackyardv1.Stack{{LatestRevision: 7,
		Labels: map[string]string{"b": "1", "a": "2"}, Parameters: &structpb.Struct{Fields: map[string]*structpb.Value{
			"n": structpb.NewNumberValue(1.5)}}}, {}}}
	for _, message := range []proto.Message{token, list, &stackyardv1.ListStacksResponse{},
		&stackyardv1.WatchProjectResponse{Event: &stackyardv1.Event{}}, &longOperation{Name: "x"}} {
		ours, err := encoder{resources: kinds}.message(nil, message.ProtoReflect())
		if err != nil {
			t.Fatal(err)
		}
		theirs, _ := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(message)
		var a, b any
		if json.Unmarshal(ours, &a) != nil || json.Unmarshal(theirs, &b) != nil {
			t.Fatalf("%s", ours)
		}
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		if string(x) != string(y) {
			t.Errorf("ours   %s\ntheirs %s", x, y)
		}
	}
}

func TestExpand(t *testing.T) {
	fake, _, url := start(t, nil)
	ann := []string{"Authorization", "Bearer ann"}
	response, text := call(t, "GET", url+"/v1/projects/p/stacks/full?expand=creator,runs,template_version", "", ann...)
	stack := parsed(t, text)
	if at(stack, "expanded", "creator", "email") != "ann@example.com" ||
		at(stack, "expanded", "runs", "runs", 0, "links", "self") != "/v1/projects/p/stacks/full/runs/1" ||
		at(stack, "expanded", "runs", "nextPageToken") != "more" {
		t.Error(text)
	}
	if at(stack, "notExpanded", "templateVersion", "name") != "templates/hello/versions/1" {
		t.Errorf("what cannot be had is not told: %s", text)
	}
	if response.Header.Get("ETag") != "" {
		t.Error("the etag of the stack alone is told of more than the stack")
	}
	// As the caller, and nobody else.
	_, text = call(t, "GET", url+"/v1/projects/p/stacks/full?expand=creator", "", "Authorization", "Bearer eve")
	if at(parsed(t, text), "notExpanded", "creator", "reason") != "PERMISSION_MISSING" || strings.Contains(text, "example.com") {
		t.Error(text)
	}
	// Each name is read once for a whole list.
	before := fake.rest.users.Load()
	_, text = call(t, "GET", url+"/v1/projects/p/stacks?filter=many&expand=creator", "", ann...)
	if at(parsed(t, text), "stacks", 49, "expanded", "creator", "email") != "ann@example.com" {
		t.Error(text)
	}
	if reads := fake.rest.users.Load() - before; reads != 1 {
		t.Errorf("%d reads of one user", reads)
	}
	// Bounded.
	_, text = call(t, "GET", url+"/v1/projects/p/stacks?filter=many&expand=runs,creator,templateVersion,parent", "", ann...)
	if all := strings.Count(text, `"expanded":`); all != 150 {
		t.Errorf("%d", all)
	}
	if left := strings.Count(text, "at most 100 resources are embedded"); left < 50 {
		t.Errorf("%d left out", left)
	}
	_, text = call(t, "GET", url+"/v1/operations/1?expand=creator", "", ann...)
	if at(parsed(t, text), "expanded", "creator", "email") != "ann@example.com" {
		t.Error(text)
	}
	for _, query := range []string{"", "shoe", "creator,shoe", strings.Repeat("creator,", 20) + "runs"} {
		if response, text := call(t, "GET", url+"/v1/projects/p/stacks/full?expand="+query, "", ann...); response.StatusCode != 400 ||
			!strings.Contains(text, `"field":"expand"`) {
			t.Errorf("%s: %d %s", query, response.StatusCode, text)
		}
	}
	if response, _ := call(t, "POST", url+"/v1/projects?projectId=web&expand=creator", "{}", ann...); response.StatusCode != 400 {
		t.Error("a change embeds")
	}
}

func TestDocumentsAreBytes(t *testing.T) {
	fake, _, url := start(t, nil)
	response, text := call(t, "GET", url+"/api/shop", "")
	h := response.Header
	if text != `{"b":1.0,  "a":12345678901234567890}` || h.Get("ETag") != `"abc"` ||
		h.Get("Cache-Control") != "public, max-age=60" || h.Get("Last-Modified") != "Sat, 31 Jan 2026 12:00:00 GMT" ||
		h.Get("Content-Type") != "application/json" || h.Get("X-Secret") != "" {
		t.Error(text, h)
	}
	for _, sent := range []string{`"abc"`, `"x", W/"abc"`, "*"} {
		response, text := call(t, "GET", url+"/api/shop", "", "If-None-Match", sent)
		if response.StatusCode != 304 || text != "" || response.Header.Get("ETag") != `"abc"` ||
			response.Header.Get("Content-Type") != "" {
			t.Error(sent, response.StatusCode, text, response.Header)
		}
	}
	response, text = call(t, "HEAD", url+"/api/shop", "")
	if response.StatusCode != 200 || text != "" || response.ContentLength != 36 || response.Header.Get("ETag") != `"abc"` {
		t.Error(response.StatusCode, text, response.ContentLength)
	}
	body := `{"b":1.0, "a":12345678901234567890,"links":{}}`
	response, text = call(t, "PUT", url+"/v1/documents/shop?public=true", body, "If-Match", `"d1"`, "Idempotency-Key", "once")
	if response.StatusCode != 200 || string(fake.rest.put.GetContent().GetData()) != body ||
		fake.rest.put.GetContent().GetContentType() != "application/json" ||
		!fake.rest.put.GetPublic() || fake.rest.put.GetEtag() != "d1" || fake.rest.put.GetRequestId() != "once" {
		t.Error(response.StatusCode, text, fake.rest.put)
	}
	if response.Header.Get("ETag") != `"d2"` {
		t.Error(response.Header)
	}
}

func TestConditions(t *testing.T) {
	fake, _, url := start(t, nil)
	response, _ := call(t, "GET", url+"/v1/projects/p/stacks/full", "")
	if response.Header.Get("ETag") != `"e1"` || response.Header.Get("Cache-Control") != "no-store" {
		t.Error(response.Header)
	}
	if response, _ := call(t, "GET", url+"/v1/projects/p/stacks/full", "", "If-None-Match", `"e1"`); response.StatusCode != 304 {
		t.Error(response.StatusCode)
	}
	if response, _ := call(t, "GET", url+"/v1/projects/p/stacks/full", "", "If-None-Match", `"e0"`); response.StatusCode != 200 {
		t.Error(response.StatusCode)
	}
	response, text := call(t, "PATCH", url+"/v1/projects/p/stacks/web", `{"displayName":"x"}`,
		"If-Match", `"e1"`, "Idempotency-Key", `"k-1"`)
	if response.StatusCode != 200 || fake.updated.GetStack().GetEtag() != "e1" || fake.updated.GetRequestId() != "k-1" {
		t.Error(response.StatusCode, text, fake.updated)
	}
	if got := response.Header.Get("Location"); got != "/v1/operations/1" {
		t.Errorf("Location %q", got)
	}
	response, _ = call(t, "POST", url+"/v1/projects?projectId=web", "{}")
	if got := response.Header.Get("Location"); got != "/v1/projects/web" {
		t.Errorf("Location %q", got)
	}
	response, text = call(t, "PATCH", url+"/v1/projects/p/stacks/web", `{}`, "If-Match", `"stale"`)
	if response.StatusCode != 412 || !strings.Contains(text, "ETAG_MISMATCH") {
		t.Error(response.StatusCode, text)
	}
	if response, _ := call(t, "PATCH", url+"/v1/projects/p/stacks/web", `{"etag":"stale"}`); response.StatusCode != 409 {
		t.Error("without If-Match it is a conflict", response.StatusCode)
	}
	for name, headers := range map[string][]string{
		"no quotes": {"If-Match", "e1"}, "two": {"If-Match", `"a","b"`}, "on a change": {"If-None-Match", "*"},
		"two etags": {"If-Match", `"other"`}, "two ids": {"Idempotency-Key", "other"}, "long key": {"Idempotency-Key", strings.Repeat("x", 65)},
	} {
		response, text := call(t, "PATCH", url+"/v1/projects/p/stacks/web?requestId=one", `{"etag":"mine"}`, append(headers, "Authorization", "Bearer ann")...)
		if response.StatusCode != 400 {
			t.Errorf("%s: %d %s", name, response.StatusCode, text)
		}
	}
	if response, _ := call(t, "POST", url+"/v1/permissions:test", `{}`, "If-Match", `"e"`); response.StatusCode != 400 {
		t.Error("a condition that nothing checks was let through", response.StatusCode)
	}
}

func TestMasks(t *testing.T) {
	fake, _, url := start(t, nil)
	for name, c := range map[string]struct{ query, body, want string }{
		"fields of the body":     {"", `{"displayName":"x","parameters":{"a":{"b":1}},"labels":{"k":"v"}}`, "display_name labels parameters.a"},
		"camel names":            {"?updateMask=displayName,parameters.someName", `{}`, "display_name parameters.someName"},
		"proto names":            {"?update_mask=display_name", `{}`, "display_name"},
		"what was read":          {"", `{"name":"n","uid":"u","state":"READY","etag":"e","displayName":"x","links":{"a":"b"},"expanded":{}}`, "display_name"},
		"null takes a value out": {"", `{"parameters":{"a":null}}`, "parameters.a"},
	} {
		response, text := call(t, "PATCH", url+"/v1/projects/p/stacks/web"+c.query, c.body)
		if got := strings.Join(fake.updated.GetUpdateMask().GetPaths(), " "); response.StatusCode != 200 || got != c.want {
			t.Errorf("%s: %d %s: %q, want %q", name, response.StatusCode, text, got, c.want)
		}
	}
	for _, query := range []string{"?updateMask=shoe", "?updateMask=displayName.x"} {
		if response, text := call(t, "PATCH", url+"/v1/projects/p/stacks/web"+query, `{}`); response.StatusCode != 400 {
			t.Error(query, response.StatusCode, text)
		}
	}
	if response, _ := call(t, "PATCH", url+"/v1/projects/p/stacks/web", `{"shoe":1}`); response.StatusCode != 400 {
		t.Error(response.StatusCode)
	}
}

func TestEveryReasonIsExplained(t *testing.T) {
	_, _, url := start(t, nil)
	response, page := call(t, "GET", url+"/docs/errors", "")
	if response.StatusCode != http.StatusOK || !strings.Contains(response.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Fatal(response.StatusCode, response.Header)
	}
	for name := range stackyardv1.ErrorReason_value {
		if name != "ERROR_REASON_UNSPECIFIED" && !strings.Contains(page, `<dt id="`+name+`">`) {
			t.Errorf("%s is not explained", name)
		}
	}
	if response, _ := call(t, "GET", url+"/docs/errors.css", ""); response.StatusCode != 200 {
		t.Error(response.StatusCode)
	}
}

func TestPointersOfFields(t *testing.T) {
	table := newRouteTable(apiRoutes())
	create := table.find("/v1/projects/p/stacks")["POST"]
	approve := table.find("/v1/projects/p/changeRequests/1:approve")["POST"]
	for _, c := range []struct {
		route              *route
		field              string
		pointer, parameter string
	}{
		{create, "stack.parameters.size", "#/parameters/size", ""},
		{create, "stack.display_name", "#/displayName", ""},
		{create, "stack_id", "", "stackId"},
		{approve, "plan_digest", "#/planDigest", ""},
		{create, "nothing", "", ""},
	} {
		if got := newFieldError(c.route, c.field, ""); got.Pointer != c.pointer || got.Parameter != c.parameter {
			t.Errorf("%s: %+v", c.field, got)
		}
	}
}
