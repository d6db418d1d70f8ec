package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
	"stackyard.dev/rest/internal/session"
)

// newSessions signs people in to the console.
func newSessions(o Options, conn *grpc.ClientConn, log *slog.Logger) (*session.Manager, error) {
	seal := session.RandomSeal()
	if o.SessionKeys != "" {
		read, err := session.ReadSeal(o.SessionKeys)
		if err != nil {
			return nil, fmt.Errorf("--session-keys: %w", err)
		}
		seal = read
	}
	secrets, err := readClientSecrets(o.OIDCClientSecrets)
	if err != nil {
		return nil, fmt.Errorf("--oidc-client-secrets: %w", err)
	}
	links := map[string]string{}
	if o.GrafanaURL != "" {
		links["grafana"] = o.GrafanaURL
	}
	return session.New(session.Config{
		Seal:   seal,
		Origin: o.PublicURL,
		Links:  links,
		Secure: func(r *http.Request) bool {
			return r.TLS != nil || strings.HasPrefix(o.PublicURL, "https://")
		},
		Gateway:       sessionGateway{stackyardv1.NewIdentityServiceClient(conn)},
		ClientSecrets: secrets,
		Refuse:        refuseSession,
		Log:           log,
	}), nil
}

// readClientSecrets reads {"ISSUER": "SECRET"}.
func readClientSecrets(path string) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var secrets map[string]string
	if json.Unmarshal(text, &secrets) != nil {
		return nil, fmt.Errorf(`%s: expected {"ISSUER": "SECRET"}`, path)
	}
	return secrets, nil
}

func refuseSession(w http.ResponseWriter, r *http.Request, code int, err error) {
	if st, ok := status.FromError(err); ok {
		writeProblem(w, r, httpStatus(st, nil), st)
		return
	}
	grpcCode, reason := codes.InvalidArgument, stackyardv1.ErrorReason_INVALID_FIELD
	switch code {
	case http.StatusForbidden:
		grpcCode, reason = codes.PermissionDenied, stackyardv1.ErrorReason_PERMISSION_MISSING
	case http.StatusUnauthorized:
		grpcCode, reason = codes.Unauthenticated, stackyardv1.ErrorReason_TOKEN_INVALID
	}
	writeProblem(w, r, code, newError(grpcCode, reason, err.Error()))
}

// sessionGateway is what sessions ask the gateway.
type sessionGateway struct {
	identity stackyardv1.IdentityServiceClient
}

func (g sessionGateway) Providers(ctx context.Context) ([]session.Provider, error) {
	answer, err := g.identity.ListIdentityProviders(ctx, &stackyardv1.ListIdentityProvidersRequest{})
	if err != nil {
		return nil, gatewayError{status.Convert(err)}
	}
	var all []session.Provider
	for _, p := range answer.GetIdentityProviders() {
		all = append(all, session.Provider{Issuer: p.GetIssuer(), DisplayName: p.GetDisplayName(),
			ClientID: p.GetClientId(), Scopes: p.GetScopes()})
	}
	return all, nil
}

func (g sessionGateway) Check(ctx context.Context, token string) error {
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	if _, err := g.identity.WhoAmI(ctx, &stackyardv1.WhoAmIRequest{}); err != nil {
		return gatewayError{status.Convert(err)}
	}
	return nil
}

// gatewayError reads as what the gateway says, without the words of gRPC around it.
type gatewayError struct{ status *status.Status }

func (e gatewayError) Error() string              { return e.status.Message() }
func (e gatewayError) GRPCStatus() *status.Status { return e.status }

// withCaller has the gateway know whose calls these are: it counts what an address may try.
func withCaller(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := metadata.Pairs("x-request-id", r.Header.Get("X-Request-Id"))
		if from := addressOf(r.RemoteAddr); from.IsValid() {
			sent.Set("x-forwarded-for", from.String())
		}
		next.ServeHTTP(w, r.WithContext(metadata.NewOutgoingContext(r.Context(), sent)))
	})
}
