// X.509 as far as services prove themselves with it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/spiffe_id.h"

struct x509_store_st;

namespace stackyard {

// What a certificate says of its service.
struct PeerCertificate {
  SpiffeId id;
  absl::Time not_before;
  absl::Time not_after;
};

// Reads the first certificate of a PEM text. INVALID_ARGUMENT when there is none, or when it does
// not have exactly one URI, which is a SPIFFE id.
absl::StatusOr<PeerCertificate> ReadCertificate(std::string_view pem);

// INVALID_ARGUMENT unless the key is the one of the first certificate.
absl::Status CheckKey(std::string_view certificate_pem, std::string_view key_pem);

// Which end of a connection a certificate is for.
enum class PeerEnd { kClient, kServer };

// Authorities that certificates are checked by. Thread-safe.
class Authorities {
 public:
  // Every certificate of the text is one. INVALID_ARGUMENT when there is none.
  static absl::StatusOr<Authorities> Parse(std::string_view pem);

  // What the certificate says, when it is signed by an authority, in force at `now` and meant for
  // this end. `chain_pem` has the certificates between the two, in any order, and may have more.
  // PERMISSION_DENIED with one line that says why not.
  absl::StatusOr<PeerCertificate> Verify(std::string_view certificate_pem,
                                         std::string_view chain_pem, PeerEnd end,
                                         absl::Time now) const;

 private:
  explicit Authorities(std::shared_ptr<x509_store_st> store) : store_(std::move(store)) {}

  std::shared_ptr<x509_store_st> store_;
};

}  // namespace stackyard
