package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"golang.org/x/sync/semaphore"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	stackyardv1 "stackyard.dev/gen/stackyard/v1"
)

const (
	// maxUnknownBody is the largest body that is read before it is known who sends it: in memory a
	// message can be fifty times as large as its JSON.
	maxUnknownBody = 64 << 10
	// Bytes of bodies that are decoded at any time: those up to maxUnknownBody, and larger ones,
	// which must not be in the way of small ones.
	smallBodies = 8 << 20
	largeBodies = 16 << 20
	// bodyPatience is how long a call waits for its turn.
	bodyPatience = 2 * time.Second
)

// checkSender refuses a body of somebody who is not known: any without a token, and large ones, or
// ones that can become large, until the gateway has said that the token is good.
func (a *api) checkSender(r *http.Request, found *route) *status.Status {
	if r.ContentLength == 0 || isPublic(found) {
		return nil
	}
	if r.Header.Get("Authorization") == "" {
		return newError(codes.Unauthenticated, stackyardv1.ErrorReason_TOKEN_INVALID, "no token was sent")
	}
	if r.ContentLength > 0 && r.ContentLength <= maxUnknownBody && r.Header.Get("Content-Encoding") == "" {
		return nil
	}
	// Not what the headers say of the call itself.
	ctx, err := runtime.AnnotateContext(withCall(r.Context(), nil), a.mux, r, "stackyard.v1.IdentityService")
	if err == nil {
		_, err = a.identity.WhoAmI(ctx, &stackyardv1.WhoAmIRequest{})
	}
	if err != nil {
		return status.Convert(err)
	}
	return nil
}

// bodies bounds the memory that decoded requests take.
type bodies struct{ small, large *semaphore.Weighted }

func newBodies(maxBody int64) *bodies {
	return &bodies{semaphore.NewWeighted(smallBodies), semaphore.NewWeighted(max(largeBodies, maxBody))}
}

// take waits for room for a body; `release` is to be called when the call is done.
func (b *bodies) take(ctx context.Context, size int64) (release func(), refused *status.Status) {
	pool := b.small
	if size > maxUnknownBody {
		pool = b.large
	}
	ctx, cancel := context.WithTimeout(ctx, bodyPatience)
	defer cancel()
	if err := pool.Acquire(ctx, size); err != nil {
		return nil, newError(codes.Unavailable, stackyardv1.ErrorReason_OVERLOADED,
			"more is being read than there is room for; come back later",
			&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)})
	}
	return func() { pool.Release(size) }, nil
}
