package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

// api answers everything that is an RPC.
type api struct {
	table     *routeTable
	resources *resources
	mux       *runtime.ServeMux
	identity  stackyardv1.IdentityServiceClient
	bodies    *bodies
	maxBody   int64
	heartbeat time.Duration
}

func newAPI(o Options, conn *grpc.ClientConn, draining context.Context) (*api, error) {
	table := newRouteTable(apiRoutes())
	a := &api{table: table, resources: newResources(table), maxBody: o.MaxBodyBytes, heartbeat: heartbeatEvery,
		identity: stackyardv1.NewIdentityServiceClient(conn), bodies: newBodies(o.MaxBodyBytes)}
	codec := &jsonCodec{a.resources}
	a.mux = runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, codec),
		runtime.WithMarshalerOption(eventsType, eventCodec{codec}),
		runtime.WithIncomingHeaderMatcher(passedOn),
		runtime.WithOutgoingHeaderMatcher(passedBack),
		runtime.WithOutgoingTrailerMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithForwardResponseOption(answerHeaders),
		runtime.WithForwardResponseRewriter(embedding(expander{a.resources, conn})),
		runtime.WithErrorHandler(handleError),
		runtime.WithStreamErrorHandler(streamError(draining)),
		runtime.WithRoutingErrorHandler(routingError),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
		runtime.WithWriteContentLength(),
		// Resource addresses hold brackets and quotes, which clients send escaped.
		runtime.WithUnescapingMode(runtime.UnescapingModeAllCharacters),
	)
	for _, register := range services {
		if err := register(context.Background(), a.mux, conn); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// serves tells whether a path is one of the API's, by whatever method.
func (a *api) serves(r *http.Request) bool { return a.table.find(r.URL.EscapedPath()) != nil }

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	routes := a.table.find(path)
	if routes == nil {
		notFound(w, r)
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet // net/http keeps the body back.
	}
	found := routes[method]
	if found == nil {
		wrongMethod(w, r, methodsOf(routes))
		return
	}
	nameTrace(r.Context(), method, found)
	asked, refused := newCall(found, a.resources.expandable, r)
	r = r.WithContext(withCall(r.Context(), asked))
	if refused != nil {
		writeProblem(w, r, httpStatus(refused, asked), refused)
		return
	}
	if !a.negotiate(w, r, asked) {
		return
	}
	if refused := a.checkSender(r, found); refused != nil {
		writeProblem(w, r, httpStatus(refused, asked), refused)
		return
	}
	limit := a.maxBody
	if isPublic(found) {
		limit = min(limit, maxUnknownBody)
	}
	body, ok := readBody(w, r, asked, limit)
	if !ok {
		return
	}
	if r.Method == http.MethodHead && found.streams() {
		w.Header().Set("Content-Type", streamType(asked))
		w.WriteHeader(http.StatusOK)
		return
	}
	if len(body) > 0 && !found.takesRaw() {
		release, refused := a.bodies.take(r.Context(), int64(len(body)))
		if refused != nil {
			writeProblem(w, r, httpStatus(refused, asked), refused)
			return
		}
		defer release()
	}
	setBody(r, found, body)
	asked.body = body
	r.Method = method
	// The router unescapes what is here, and would take an unescaped path for an escaped one.
	r.URL.RawPath = path
	a.forward(w, r, asked)
}

// forward lets the router make the call.
func (a *api) forward(w http.ResponseWriter, r *http.Request, asked *httpCall) {
	if !asked.route.streams() {
		a.mux.ServeHTTP(w, r)
		return
	}
	// Proxies of the nginx kind would hold streams back.
	w.Header().Set("X-Accel-Buffering", "no")
	if !asked.events {
		a.mux.ServeHTTP(&streamAnswer{ResponseWriter: w}, r)
		return
	}
	resumed(r, asked.route)
	events := newEventStream(w, a.heartbeat)
	defer events.end()
	a.mux.ServeHTTP(&streamAnswer{ResponseWriter: events}, r)
}
