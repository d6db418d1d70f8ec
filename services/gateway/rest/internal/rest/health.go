package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

const healthTimeout = 2 * time.Second

// healthHandler answers 200 while the gateway says that it serves and `draining` is not done, and
// 503 with the reason else.
func healthHandler(conn grpc.ClientConnInterface, draining context.Context) http.Handler {
	client := healthpb.NewHealthClient(conn)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, state, message := http.StatusOK, "SERVING", ""
		ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
		defer cancel()
		if draining.Err() != nil {
			code, state, message = http.StatusServiceUnavailable, "NOT_SERVING", "shutting down"
		} else if answer, err := client.Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
			code, state = http.StatusServiceUnavailable, "NOT_SERVING"
			message = "the gateway does not answer: " + status.Convert(err).Message()
		} else if answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			code, state, message = http.StatusServiceUnavailable, "NOT_SERVING",
				"the gateway is "+answer.GetStatus().String()
		}
		body := map[string]string{"status": state}
		if message != "" {
			body["message"] = message
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(body)
	})
}
