#include "cli/endpoint.h"

#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/channel.h"
#include "common/status.h"

namespace stackyard::cli {
namespace {

// Calls that were not sent yet are tried again; what may have arrived is not.
constexpr char kServiceConfig[] = R"({
  "methodConfig": [{
    "name": [{}],
    "retryPolicy": {
      "maxAttempts": 4,
      "initialBackoff": "0.05s",
      "maxBackoff": "1s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
})";

struct HostPort {
  // Without brackets.
  std::string host;
  // Empty: none.
  std::string port;
};

// False when the port is no number or the brackets do not close.
bool Split(const std::string& text, HostPort& parts) {
  const size_t bracket = text.rfind(']');
  const size_t colon = text.rfind(':');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  parts.host = has_port ? text.substr(0, colon) : text;
  parts.port = has_port ? text.substr(colon + 1) : "";
  if (absl::StartsWith(parts.host, "[") != absl::EndsWith(parts.host, "]")) return false;
  if (absl::StartsWith(parts.host, "[")) parts.host = parts.host.substr(1, parts.host.size() - 2);
  int port = 0;
  if (has_port && (!absl::SimpleAtoi(parts.port, &port) || port < 1 || port > 65535)) return false;
  return !parts.host.empty() && parts.host.find_first_of("/ @?#") == std::string::npos;
}

}  // namespace

bool IsThisMachine(const std::string& host) {
  if (host == "localhost" || host == "::1" || host == "[::1]") return true;
  // An address: a name may begin like one.
  return absl::StartsWith(host, "127.") &&
         host.find_first_not_of("0123456789.") == std::string::npos;
}

absl::StatusOr<Endpoint> ReadEndpoint(const std::string& text, bool plaintext, bool has_ca) {
  if (plaintext && has_ca) {
    return InvalidField("plaintext", "there is nothing to check with --ca-file without TLS");
  }
  if (absl::StartsWith(text, "unix:")) {
    if (has_ca) return InvalidField("ca-file", "there is no TLS on a Unix socket");
    return Endpoint{text, false};
  }
  std::string rest = text;
  const bool https = absl::StartsWith(rest, "https://");
  const bool http = absl::StartsWith(rest, "http://");
  for (const char* scheme : {"https://", "http://", "dns:///"}) {
    if (absl::StartsWith(rest, scheme)) {
      rest = std::string(absl::StripSuffix(absl::StripPrefix(rest, scheme), "/"));
      break;
    }
  }
  HostPort parts;
  if (!Split(rest, parts) || (parts.port.empty() && !https && !http)) {
    return InvalidField("endpoint", absl::StrCat("must be https://HOST[:PORT], HOST:PORT or ",
                                                 "unix:/PATH, not \"", text, "\""));
  }
  if (https && plaintext) return InvalidField("plaintext", absl::StrCat(text, " says TLS"));
  if (http && has_ca) return InvalidField("ca-file", absl::StrCat("there is no TLS to ", text));
  const bool here = IsThisMachine(parts.host);
  const bool tls = https || (!http && !plaintext && (has_ca || !here));
  if (!tls && !here && !plaintext) {
    return InvalidField("endpoint",
                        absl::StrCat(text, " is another machine: tokens would go there ",
                                     "in clear; use https://, or --plaintext to do so"));
  }
  if (parts.port.empty()) parts.port = https ? "443" : "80";
  const bool v6 = absl::StrContains(parts.host, ':');
  return Endpoint{absl::StrCat(v6 ? "[" : "", parts.host, v6 ? "]" : "", ":", parts.port), tls};
}

std::shared_ptr<grpc::Channel> Dial(const Endpoint& endpoint, const std::string& ca_pem) {
  if (!endpoint.tls) return Connect(endpoint.target);
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = ca_pem;
  grpc::ChannelArguments arguments;
  HostPort parts;
  if (Split(endpoint.target, parts) && IsThisMachine(parts.host)) {
    // The proxy of the environment is for the outside.
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  }
  arguments.SetServiceConfigJSON(kServiceConfig);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 1);
  arguments.SetMaxReceiveMessageSize(64 << 20);
  arguments.SetMaxSendMessageSize(64 << 20);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  return grpc::CreateCustomChannel(endpoint.target, grpc::SslCredentials(options), arguments);
}

}  // namespace stackyard::cli
