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

// isProbe tells requests that come every few seconds and tell nothing.
func isProbe(path string) bool {
	return path == "/livez" || path == "/healthz" || path == "/readyz"
}

// alive answers 200 for as long as this process answers at all. It asks nobody: whoever restarts
// this process for a wrong answer would mend nothing that is the gateway's.
func alive(w http.ResponseWriter, _ *http.Request) {
	writeHealth(w, "SERVING", "")
}

// healthHandler answers 200 while the gateway says that it serves and `draining` is not done, and
// 503 with the reason else.
func healthHandler(conn grpc.ClientConnInterface, draining context.Context) http.Handler {
	client := healthpb.NewHealthClient(conn)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		state, message := "SERVING", ""
		ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
		defer cancel()
		if draining.Err() != nil {
			state, message = "NOT_SERVING", "shutting down"
		} else if answer, err := client.Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
			state, message = "NOT_SERVING", "the gateway does not answer: "+status.Convert(err).Message()
		} else if answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			state, message = "NOT_SERVING", "the gateway is "+answer.GetStatus().String()
		}
		writeHealth(w, state, message)
	})
}

func writeHealth(w http.ResponseWriter, state, message string) {
	body := map[string]string{"status": state}
	if message != "" {
		body["message"] = message
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if state != "SERVING" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(body)
}
