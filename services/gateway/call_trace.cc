#include "services/gateway/call_trace.h"

#include <optional>

namespace stackyard::gateway {
namespace {

// `stackyard.v1.StackService/GetStack`.
std::string_view NameOf(const Route& route) { return std::string_view(route.method).substr(1); }

// Identity is answered here, on a server that has no spans of its own.
bool IsElsewhere(const Route& route) { return route.backend != "gateway"; }

bool IsLocalPeer(std::string_view peer) {
  return peer.starts_with("unix:") || peer.starts_with("ipv4:127.") ||
         peer.starts_with("ipv6:%5B::1%5D:") || peer.starts_with("ipv6:%5B::ffff:127.");
}

}  // namespace

void CallTrace::Begin(const Route& route, const std::string& peer, bool trust_all,
                      CallHeaders& headers) {
  const SpanQueue& spans = ProcessSpans();
  const bool asked = IsSampled(headers.traceparent);
  if (!spans.open() && !asked) return;
  const bool trusted = trust_all || IsLocalPeer(peer);
  // Nothing is recorded here, and no stranger may have it recorded elsewhere.
  if (!spans.open() && trusted) return;
  const bool recorded = trusted && !headers.begins_trace ? asked : spans.SampleRoot();
  if (!recorded && !asked) return;
  std::optional<TraceContext> context = TraceContext::Parse(headers.traceparent);
  if (!context) return;
  context->sampled = recorded;
  if (!recorded) {
    headers.traceparent = context->Format();
    return;
  }
  if (headers.begins_trace) {
    call_ = Span::Judged(NameOf(route), SpanKind::kServer, *context, std::nullopt);
  } else {
    call_ = Span::Judged(NameOf(route), SpanKind::kServer, context->Next(), context);
  }
  headers.traceparent = call_.Traceparent(headers.traceparent);
  call_.SetRpc(route.method);
}

void CallTrace::SendTo(const Route& route, CallHeaders& headers) {
  if (!call_.recording() || !IsElsewhere(route)) return;
  backend_ = Span::Child(NameOf(route), SpanKind::kClient, call_.Traceparent(""));
  backend_.SetRpc(route.method);
  backend_.Set("server.address", route.backend);
  headers.traceparent = backend_.Traceparent(headers.traceparent);
}

void CallTrace::End(grpc::StatusCode code, const std::string& request_id,
                    const std::string& resource) {
  if (!call_.recording()) return;
  backend_.SetGrpcStatus(code);
  backend_.End();
  call_.SetGrpcStatus(code);
  call_.Set("stackyard.request_id", request_id);
  if (!resource.empty()) call_.Set("stackyard.resource", resource);
  call_.End();
}

}  // namespace stackyard::gateway
