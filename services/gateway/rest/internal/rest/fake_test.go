package rest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

// fakeGateway answers a few RPCs over a real gRPC server.
type fakeGateway struct {
	stackyardv1.UnimplementedStackServiceServer
	stackyardv1.UnimplementedProjectServiceServer
	rest   *fakeRest
	health *health.Server
	// Metadata of the last call.
	seen metadata.MD
	// Lets WatchStack send its second message; closed when the stream's context ended.
	more, ended chan struct{}
	// GetStack of `projects/p/stacks/slow` waits for it.
	release, entered chan struct{}
	// The resume token of the last WatchStack.
	resumed   string
	requested *stackyardv1.ListStacksRequest
	updated   *stackyardv1.UpdateStackRequest
}

func (f *fakeGateway) GetStack(ctx context.Context, r *stackyardv1.GetStackRequest) (*stackyardv1.Stack, error) {
	f.seen, _ = metadata.FromIncomingContext(ctx)
	switch r.Name {
	case "projects/p/stacks/short":
		return nil, newError(codes.ResourceExhausted, stackyardv1.ErrorReason_QUOTA_EXCEEDED, "no vcpu",
			&errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{
				{Subject: "vcpu", Description: "2 asked, 1 left"}}}).Err()
	case "projects/p/stacks/odd":
		return nil, status.FromProto(&spb.Status{Code: int32(codes.Internal), Message: "odd",
			Details: []*anypb.Any{{TypeUrl: "type.googleapis.com/not.Known", Value: []byte{8, 1}}}}).Err()
	case "projects/p/stacks/closed":
		return nil, newError(codes.Unauthenticated, stackyardv1.ErrorReason_TOKEN_INVALID, "no token").Err()
	case "projects/p/stacks/full":
		return &stackyardv1.Stack{Name: r.Name, Creator: "users/ann", TemplateVersion: "templates/hello/versions/1",
			Etag: "e1", Links: map[string]string{"runsOfTheService": "/kept"}}, nil
	case "projects/p/stacks/slow":
		close(f.entered)
		<-f.release
	}
	return &stackyardv1.Stack{Name: r.Name, State: stackyardv1.Stack_READY, LatestRevision: 3}, nil
}

func (f *fakeGateway) ListStacks(_ context.Context, r *stackyardv1.ListStacksRequest) (*stackyardv1.ListStacksResponse, error) {
	f.requested = r
	answer := &stackyardv1.ListStacksResponse{}
	switch r.Filter {
	case "one":
		answer.Stacks = append(answer.Stacks, &stackyardv1.Stack{Name: r.Parent + "/stacks/one"})
	case "many":
		for i := range 150 {
			answer.Stacks = append(answer.Stacks, &stackyardv1.Stack{
				Name: fmt.Sprintf("%s/stacks/s%d", r.Parent, i), Creator: "users/ann"})
		}
	}
	return answer, nil
}

func (f *fakeGateway) GetResource(_ context.Context, r *stackyardv1.GetResourceRequest) (*stackyardv1.Resource, error) {
	return &stackyardv1.Resource{Name: r.Name}, nil
}

func (f *fakeGateway) CreateProject(_ context.Context, r *stackyardv1.CreateProjectRequest) (*stackyardv1.Project, error) {
	return &stackyardv1.Project{Name: "projects/" + r.ProjectId,
		DisplayName: r.GetProject().GetDisplayName(), Labels: r.GetProject().GetLabels()}, nil
}

func (f *fakeGateway) WatchStack(r *stackyardv1.WatchStackRequest, stream grpc.ServerStreamingServer[stackyardv1.WatchStackResponse]) error {
	f.resumed = r.ResumeToken
	if r.Name == "projects/p/stacks/hidden" {
		return newError(codes.NotFound, stackyardv1.ErrorReason_RESOURCE_NOT_FOUND, "hidden").Err()
	}
	for token := range 2 {
		if token == 1 {
			select {
			case <-f.more:
			case <-stream.Context().Done():
				close(f.ended)
				return stream.Context().Err()
			}
		}
		if err := stream.Send(&stackyardv1.WatchStackResponse{
			Stack: &stackyardv1.Stack{Name: r.Name}, ResumeToken: string(rune('1' + token)),
		}); err != nil {
			return err
		}
	}
	return newError(codes.NotFound, stackyardv1.ErrorReason_RESOURCE_NOT_FOUND, "gone").Err()
}

// start runs a fake gateway and a server in front of it.
func start(t *testing.T, change func(*Options)) (*fakeGateway, *Server, string) {
	t.Helper()
	fake := &fakeGateway{
		rest:   &fakeRest{},
		health: health.NewServer(), more: make(chan struct{}), ended: make(chan struct{}),
		release: make(chan struct{}), entered: make(chan struct{}),
	}
	backend := grpc.NewServer()
	stackyardv1.RegisterStackServiceServer(backend, fake)
	stackyardv1.RegisterProjectServiceServer(backend, fake)
	fake.rest.register(backend)
	healthpb.RegisterHealthServer(backend, fake.health)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = backend.Serve(listener) }()
	t.Cleanup(backend.Stop)

	o := DefaultOptions()
	o.Listen, o.Gateway = "127.0.0.1:0", listener.Addr().String()
	if change != nil {
		change(&o)
	}
	server, err := Start(o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.http.Close(); server.drain(); _ = server.conn.Close() })
	return fake, server, "http://" + server.Address()
}

func call(t *testing.T, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer somebody")
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}
