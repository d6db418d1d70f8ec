package rest

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

func (f *fakeGateway) UpdateStack(_ context.Context, r *stackyardv1.UpdateStackRequest) (*longOperation, error) {
	f.updated = r
	if r.GetStack().GetEtag() == "stale" {
		return nil, newError(codes.Aborted, stackyardv1.ErrorReason_ETAG_MISMATCH, "changed meanwhile").Err()
	}
	return &longOperation{Name: "operations/1"}, nil
}

// An RPC whose service is not registered would be 404, one that the fake lacks is 501.
func TestEveryRpcIsServed(t *testing.T) {
	_, _, url := start(t, nil)
	for _, r := range apiRoutes() {
		if r.rpc.Name() == "WatchStack" {
			continue // Has a test of its own.
		}
		path := examplePath(r)
		response, body := call(t, r.method, url+path, "")
		if code := response.StatusCode; code == http.StatusNotFound || code == http.StatusMethodNotAllowed ||
			code == http.StatusBadRequest && !strings.Contains(body, "INVALID_FIELD") {
			t.Errorf("%s %s (%s): %d %s", r.method, path, r.rpc.FullName(), code, body)
		}
	}
	served := map[string]bool{}
	for _, r := range apiRoutes() {
		served[string(r.rpc.FullName())] = true
	}
	for _, method := range apiMethods() {
		if !served[string(method.FullName())] {
			t.Errorf("%s has no HTTP rule", method.FullName())
		}
	}
}

// examplePath fills the path of a route.
func examplePath(r *route) string {
	path, verb := r.pattern()
	path = exampleName(path)
	if verb != "" {
		path += ":" + verb
	}
	return path
}

func TestPassesOnWhatItMayAndNothingElse(t *testing.T) {
	fake, _, url := start(t, nil)
	response, body := call(t, "GET", url+"/v1/projects/p/stacks/web", "",
		"Authorization", "Bearer secret", "X-Request-Id", "abc-1", "Traceparent", silentTrace,
		"Idempotency-Key", "again", "X-Stackyard-Principal-Bin", "Zm9v",
		"Grpc-Metadata-X-Stackyard-Principal-Bin", "Zm9v")
	if response.StatusCode != 200 {
		t.Fatal(response.StatusCode, body)
	}
	for key, want := range map[string]string{
		"authorization": "Bearer secret", "x-request-id": "abc-1", "traceparent": silentTrace,
		"idempotency-key": "again",
	} {
		if got := fake.seen.Get(key); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v", key, got)
		}
	}
	if got := fake.seen.Get("x-stackyard-principal-bin"); len(got) > 0 {
		t.Errorf("a client set the principal: %v", got)
	}
	if got := response.Header.Get("X-Request-Id"); got != "abc-1" {
		t.Errorf("told back %q", got)
	}
}

func TestMakesRequestIdWhereNoneOrABadOneIsSent(t *testing.T) {
	fake, _, url := start(t, nil)
	for _, sent := range []string{"", "a b", strings.Repeat("x", 65)} {
		response, _ := call(t, "GET", url+"/v1/projects/p/stacks/web", "", "X-Request-Id", sent)
		got := response.Header.Get("X-Request-Id")
		if len(got) != 16 || !slices.Equal(fake.seen.Get("x-request-id"), []string{got}) {
			t.Errorf("sent %q: answered %q, passed on %v", sent, got, fake.seen.Get("x-request-id"))
		}
	}
}

func TestJSON(t *testing.T) {
	_, _, url := start(t, nil)
	_, body := call(t, "GET", url+"/v1/projects/p/stacks/web", "")
	var stack map[string]any
	if err := json.Unmarshal([]byte(body), &stack); err != nil {
		t.Fatal(err)
	}
	if stack["state"] != "READY" || stack["latestRevision"] != "3" || stack["appliedRevision"] != "0" {
		t.Errorf("%s", body)
	}
	if _, there := stack["lease"]; there {
		t.Errorf("an absent message was written: %s", body)
	}
	if _, body = call(t, "GET", url+"/v1/projects/p/stacks", ""); !strings.Contains(body, `"stacks":[]`) {
		t.Errorf("an empty list is not []: %s", body)
	}
	_, body = call(t, "POST", url+"/v1/projects?projectId=web", `{"displayName":"W","labels":{"a":"b"}}`)
	for _, want := range []string{`"projects/web"`, `"W"`, `"a"`} {
		if !strings.Contains(body, want) {
			t.Errorf("%s lacks %s", body, want)
		}
	}
}

func TestAddressesAreUnescaped(t *testing.T) {
	_, _, url := start(t, nil)
	_, body := call(t, "GET", url+"/v1/projects/p/stacks/s/resources/aws_x.y%5B%22a%2F%2Fb%22%5D", "")
	if !strings.Contains(body, `resources/aws_x.y[\"a//b\"]`) {
		t.Error(body)
	}
}

func TestPatchNamesTheFieldsThatWereSent(t *testing.T) {
	fake, _, url := start(t, nil)
	response, body := call(t, "PATCH", url+"/v1/projects/p/stacks/web", `{"displayName":"x"}`)
	if response.StatusCode != 200 || !slices.Equal(fake.updated.UpdateMask.GetPaths(), []string{"display_name"}) {
		t.Error(response.StatusCode, body, fake.updated)
	}
}

func TestErrors(t *testing.T) {
	_, _, url := start(t, func(o *Options) { o.MaxBodyBytes = 100 })
	long := `{"displayName":"` + strings.Repeat("x", 100) + `"}`
	for name, c := range map[string]struct {
		method, path, body string
		code               int
		contains           []string
	}{
		"service error": {"GET", "/v1/projects/p/stacks/short", "", 429,
			[]string{`"code":"RESOURCE_EXHAUSTED"`, "/docs/errors#QUOTA_EXCEEDED", `"quota":[{"subject":"vcpu"`, "2 asked, 1 left"}},
		"unknown detail": {"GET", "/v1/projects/p/stacks/odd", "", 500, []string{`"detail":"odd"`}},
		"no token":       {"GET", "/v1/projects/p/stacks/closed", "", 401, []string{"TOKEN_INVALID"}},
		"not built":      {"POST", "/v1/projects/p/stacks/s:retry", "{}", 501, []string{`"code":"UNIMPLEMENTED"`}},
		"unknown path":   {"GET", "/v1/nothing/here", "", 404, []string{"no such path", "/api-docs"}},
		"unknown page":   {"GET", "/nothing", "", 404, []string{"no such path"}},
		"wrong method":   {"PUT", "/v1/projects", "", 405, []string{"GET, HEAD, POST"}},
		"unknown field": {"POST", "/v1/projects?projectId=w", `{"shoe":1}`, 400,
			[]string{`unknown field \"shoe\"`, `"field":"shoe"`, "INVALID_FIELD", `"errors":[{`}},
		"wrong type": {"POST", "/v1/projects?projectId=w", `{"displayName":7}`, 400, []string{"displayName"}},
		"not JSON":   {"POST", "/v1/projects?projectId=w", `{"displayName":`, 400, []string{"not valid JSON"}},
		"two values": {"POST", "/v1/projects?projectId=w", `{} {}`, 400, []string{"not valid JSON"}},
		"unknown query": {"GET", "/v1/projects/p/stacks?fitler=x", "", 400,
			[]string{`unknown field \"fitler\"`, `"field":"fitler"`}},
		"wrong query": {"GET", "/v1/projects/p/stacks?pageSize=x", "", 400, []string{"page_size"}},
		"large body":  {"POST", "/v1/projects?projectId=w", long, 413, []string{"larger than 100 bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := call(t, c.method, url+c.path, c.body)
			if response.StatusCode != c.code {
				t.Errorf("got %d, want %d: %s", response.StatusCode, c.code, body)
			}
			if kind := response.Header.Get("Content-Type"); kind != "application/problem+json" {
				t.Errorf("Content-Type %q", kind)
			}
			var st map[string]any
			if err := json.Unmarshal([]byte(body), &st); err != nil || st["code"] == nil || st["detail"] == "" || st["type"] == "" || st["instance"] == nil {
				t.Errorf("no problem: %v: %s", err, body)
			}
			for _, want := range c.contains {
				if !strings.Contains(body, want) {
					t.Errorf("%s lacks %s", body, want)
				}
			}
		})
	}
	response, _ := call(t, "PUT", url+"/v1/projects", "")
	if got := response.Header.Get("Allow"); got != "GET, HEAD, POST" {
		t.Errorf("Allow: %q", got)
	}
	response, _ = call(t, "GET", url+"/v1/projects/p/stacks/closed", "")
	if got := response.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer") {
		t.Errorf("WWW-Authenticate: %q", got)
	}
}

func TestQueryFields(t *testing.T) {
	fake, _, url := start(t, nil)
	call(t, "GET", url+"/v1/projects/p/stacks?page_size=5&filter=state+%3D+READY&showDeleted=true", "")
	want := &stackyardv1.ListStacksRequest{
		Parent: "projects/p", PageSize: 5, Filter: "state = READY", ShowDeleted: true}
	if !proto.Equal(fake.requested, want) {
		t.Error(fake.requested)
	}
}

func TestStreamsLineByLine(t *testing.T) {
	// The deadline of calls is not for streams.
	fake, _, url := start(t, func(o *Options) { o.CallTimeout = time.Nanosecond })
	response, err := http.Get(url + "/v1/projects/p/stacks/web:watch")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if kind := response.Header.Get("Content-Type"); kind != "application/x-ndjson" {
		t.Errorf("Content-Type %q", kind)
	}
	lines := bufio.NewScanner(response.Body)
	// The first line is here while the stream goes on.
	if !lines.Scan() || !strings.Contains(lines.Text(), `"resumeToken":"1"`) {
		t.Fatalf("first line: %s", lines.Text())
	}
	close(fake.more)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), `{"result":{`) ||
		!strings.Contains(lines.Text(), `"resumeToken":"2"`) {
		t.Fatalf("second line: %s", lines.Text())
	}
	if !lines.Scan() || !strings.Contains(lines.Text(), `"error"`) ||
		!strings.Contains(lines.Text(), "RESOURCE_NOT_FOUND") {
		t.Fatalf("last line: %s", lines.Text())
	}
}

func TestClientThatGoesEndsTheStream(t *testing.T) {
	fake, _, url := start(t, nil)
	response, err := http.Get(url + "/v1/projects/p/stacks/web:watch")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	<-fake.ended
}

func TestHTTP2WithoutTLS(t *testing.T) {
	_, _, url := start(t, nil)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	response, err := client.Get(url + "/v1/projects/p/stacks/web")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.ProtoMajor != 2 || response.StatusCode != 200 {
		t.Error(response.Proto, response.StatusCode)
	}
}
