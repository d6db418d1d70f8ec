#include "common/tracing.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/http_post.h"
#include "common/introspection.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "common/version.h"
#include "common/without_passwords.h"

namespace stackyard {
namespace {

constexpr absl::Duration kFlush = absl::Seconds(2);

absl::StatusOr<double> ReadRatio(const std::string& text) {
  double ratio = 0;
  // `nan` is a number to the parser, and in no range.
  if (absl::SimpleAtod(text, &ratio) && ratio >= 0 && ratio <= 1) return ratio;
  return absl::InvalidArgumentError(
      absl::StrCat("--trace-ratio=", text, " must be a number from 0 to 1"));
}

HttpClient::Options ClientOptions(absl::Duration timeout) {
  HttpClient::Options options;
  options.connect_timeout = timeout;
  options.timeout = timeout;
  options.most_bytes = 64 << 10;
  return options;
}

// A connection is kept for the usual timeout; the last batches may have less time.
SpanExporter::Send SendTo(const std::string& endpoint) {
  const auto url = absl::StrCat(absl::StripSuffix(endpoint, "/"), "/v1/traces");
  constexpr absl::Duration kUsual = absl::Seconds(5);
  const auto kept = std::make_shared<HttpClient>(ClientOptions(kUsual));
  return [url, kept](std::string_view body, absl::Duration timeout) {
    HttpCall call;
    call.method = "POST";
    call.url = url;
    call.headers = {{"content-type", "application/x-protobuf"}, {"expect", ""}};
    call.body = body;
    if (timeout >= kUsual) return kept->Send(call);
    return HttpClient(ClientOptions(timeout)).Send(call);
  };
}

}  // namespace

void TracingOptions::AddFlags(Flags& flags) {
  flags.Add(
      "otlp-endpoint", &otlp_endpoint,
      "Collector that spans are sent to by OTLP over HTTP, like http://collector:4318; empty: "
      "no tracing");
  flags.Add("trace-ratio", &ratio,
            "Share of the traces that begin in this process which is recorded, 0 to 1");
}

absl::Status TracingOptions::Check() const {
  RETURN_IF_ERROR(ReadRatio(ratio).status());
  if (otlp_endpoint.empty()) return absl::OkStatus();
  // The operator names it, so that it may be anywhere.
  ASSIGN_OR_RETURN(const NetGuard anywhere, NetGuard::Make({"0.0.0.0/0", "::/0"}));
  absl::Status valid = CheckHttpUrl(otlp_endpoint, anywhere);
  if (valid.ok() && absl::StrContains(otlp_endpoint, '?')) {
    valid = absl::InvalidArgumentError("must not hold a query");
  }
  if (valid.ok()) return valid;
  return absl::InvalidArgumentError(
      absl::StrCat("--otlp-endpoint=", WithoutPasswords(otlp_endpoint), " ", valid.message()));
}

absl::StatusOr<std::unique_ptr<Tracing>> Tracing::Open(const TracingOptions& options,
                                                       const std::string& service,
                                                       prometheus::Registry& registry) {
  RETURN_IF_ERROR(options.Check());
  ASSIGN_OR_RETURN(const double ratio, ReadRatio(options.ratio));
  std::unique_ptr<Tracing> tracing(new Tracing);
  if (options.otlp_endpoint.empty()) return tracing;
  TraceResource resource = {{"service.name", service},
                            {"service.version", std::string(kVersion)},
                            {"service.instance.id", InstanceName()},
                            {"telemetry.sdk.name", "stackyard"},
                            {"telemetry.sdk.language", "cpp"}};
  tracing->exporter_ = std::make_unique<SpanExporter>(ProcessSpans(), std::move(resource),
                                                      SendTo(options.otlp_endpoint), registry);
  tracing->loop_ = std::make_unique<Loop>(
      "trace-export", [exporter = tracing->exporter_.get()] { return exporter->Turn(); });
  ProcessSpans().Open(ratio, SpanExporter::kBatch, [loop = tracing->loop_.get()] { loop->Wake(); });
  LogInfo("traces are exported", {{"endpoint", options.otlp_endpoint}, {"ratio", ratio}});
  return tracing;
}

Tracing::~Tracing() {
  if (loop_ == nullptr) return;
  // After this nobody wakes the loop.
  ProcessSpans().Close();
  loop_->Stop();
  exporter_->Flush(kFlush);
}

}  // namespace stackyard
