#include "common/mutual_tls.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"

namespace stackyard {

void MutualTls::AddFlags(Flags& flags) {
  flags.Add("mtls-cert", &cert,
            "PEM file with this service's certificate for other services; empty: no TLS between "
            "services. It is read again when it changes");
  flags.Add("mtls-key", &key, "PEM file with the private key of --mtls-cert");
  flags.Add("mtls-ca", &ca, "PEM file with the authorities that other services are checked by");
}

absl::Status MutualTls::Check() const {
  const std::array<std::pair<const char*, const std::string*>, 3> files = {
      {{"mtls-cert", &cert}, {"mtls-key", &key}, {"mtls-ca", &ca}}};
  const bool any = !cert.empty() || !key.empty() || !ca.empty();
  for (const auto& [flag, path] : files) {
    if (!any) continue;
    if (path->empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--", flag, " is missing: --mtls-cert, --mtls-key and --mtls-ca go together"));
    }
    if (access(path->c_str(), R_OK) != 0) {
      return absl::InvalidArgumentError(absl::StrCat("--", flag, "=", *path, " cannot be read"));
    }
  }
  return absl::OkStatus();
}

}  // namespace stackyard
