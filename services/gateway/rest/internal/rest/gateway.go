package rest

import (
	"context"
	"net/textproto"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

// maxMessageBytes is the largest answer of the gateway that is taken.
const maxMessageBytes = 64 << 20

type registerFunc func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error

var services = []registerFunc{
	stackyardv1.RegisterCatalogServiceHandler,
	stackyardv1.RegisterChangeRequestServiceHandler,
	stackyardv1.RegisterCredentialServiceHandler,
	stackyardv1.RegisterDocumentServiceHandler,
	stackyardv1.RegisterEventServiceHandler,
	stackyardv1.RegisterIdentityServiceHandler,
	stackyardv1.RegisterNotificationServiceHandler,
	stackyardv1.RegisterOperationServiceHandler,
	stackyardv1.RegisterProjectServiceHandler,
	stackyardv1.RegisterQuotaServiceHandler,
	stackyardv1.RegisterRunServiceHandler,
	stackyardv1.RegisterStackServiceHandler,
	stackyardv1.RegisterStateServiceHandler,
	stackyardv1.RegisterSystemServiceHandler,
}

// dial connects to the gateway. Streams end when `draining` is done: their clients come back with
// a resume token, to another replica.
func dial(o Options, traces *tracing, draining context.Context) (*grpc.ClientConn, error) {
	secured := insecure.NewCredentials()
	if o.GatewayCA != "" {
		trust, err := gatewayTLS(o.GatewayCA)
		if err != nil {
			return nil, err
		}
		secured = credentials.NewTLS(trust)
	}
	options := append(traces.dialOptions(),
		grpc.WithTransportCredentials(secured),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes)),
		grpc.WithUserAgent("stackyard-rest/"+o.Version),
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply any,
			conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			if message, ok := req.(proto.Message); ok {
				if refused := prepare(ctx, message); refused != nil {
					return refused.Err()
				}
			}
			ctx, cancel := context.WithTimeout(ctx, o.CallTimeout)
			defer cancel()
			return invoke(ctx, method, req, reply, conn, opts...)
		}),
		grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc,
			conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption,
		) (grpc.ClientStream, error) {
			ctx, cancel := context.WithCancel(ctx)
			stop := context.AfterFunc(draining, cancel)
			// The caller's context ends with the HTTP request, and this one with it.
			context.AfterFunc(ctx, func() { stop(); cancel() })
			return open(ctx, desc, conn, method, opts...)
		}))
	return grpc.NewClient(o.Gateway, options...)
}

// prepare completes the message of a call by what the HTTP request said beside it.
func prepare(ctx context.Context, request proto.Message) *status.Status {
	if asked := callOf(ctx); asked != nil {
		return asked.apply(request.ProtoReflect())
	}
	return nil
}

// passedBack names the metadata of an answer that become headers: what a document says of its
// bytes.
func passedBack(key string) (string, bool) {
	switch key {
	case "etag", "cache-control", "last-modified":
		return textproto.CanonicalMIMEHeaderKey(key), true
	}
	return "", false
}

// passedOn names the headers that become gRPC metadata; Authorization always does.
func passedOn(header string) (string, bool) {
	switch textproto.CanonicalMIMEHeaderKey(header) {
	case "X-Request-Id", "Traceparent", "Tracestate", "Idempotency-Key":
		return strings.ToLower(header), true
	}
	return "", false
}
