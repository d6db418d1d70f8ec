// Package tools pins, beside the tools of go.mod, the modules that the generated code imports:
// one go.mod says which version of everything the generated Go module is made for.
package tools

import (
	_ "cloud.google.com/go/longrunning/autogen/longrunningpb"
	_ "github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	_ "google.golang.org/grpc"
	_ "google.golang.org/protobuf/proto"
)
