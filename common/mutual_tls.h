// What a service proves itself with to other services, and what it knows them by.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/flags.h"

namespace stackyard {

// PEM files: all three, or none for connections without TLS. They are read again when they change.
// A certificate names its service as a URI, `spiffe://TRUST-DOMAIN/SERVICE`; `SERVICE` is
// `gateway`, `stacks`, `quota` or `runner`.
struct MutualTls {
  // Certificate chain and private key of this service.
  std::string cert;
  std::string key;
  // Authorities that the certificates of other services are checked by.
  std::string ca;

  bool on() const { return !cert.empty(); }
  // Adds --mtls-cert, --mtls-key and --mtls-ca.
  void AddFlags(Flags& flags);
  // INVALID_ARGUMENT that names the flag which is missing, or the file that cannot be read.
  absl::Status Check() const;
};

}  // namespace stackyard
