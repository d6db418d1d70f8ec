// What a process proves itself with to other services of the mesh, and knows them by.
#pragma once

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/certificate_files.h"
#include "common/clock.h"
#include "common/mutual_tls.h"
#include "common/peer_table.h"
#include "common/work.h"

namespace prometheus {
class Collectable;
}

namespace stackyard {

// Mutual TLS with certificates that are read again each second. Connections that are open go on
// with what they began with; new ones take what is in force. Must outlive servers and channels that
// use it. Thread-safe.
class PeerIdentity {
 public:
  // For the service that this process is. nullptr when the files are not given: connections are
  // without TLS then. INVALID_ARGUMENT with one line for files that cannot be used. `clock` must
  // outlive it.
  static absl::StatusOr<std::unique_ptr<PeerIdentity>> Open(const MutualTls& files,
                                                            const std::string& service,
                                                            const Clock& clock);
  ~PeerIdentity();

  // For a listener: whoever connects needs a certificate of a service of this mesh, and each call
  // is checked by the table before its handler runs. A refusal of either kind is logged.
  std::shared_ptr<grpc::ServerCredentials> ForServer(PeerTable table) const;
  // For a channel: who answers needs the certificate of `service`, whatever their host is called.
  std::shared_ptr<grpc::ChannelCredentials> ForChannel(const std::string& service) const;
  // For Prometheus: when its certificate ends.
  const std::shared_ptr<prometheus::Collectable>& metrics() const { return metrics_; }

 private:
  explicit PeerIdentity(std::shared_ptr<CertificateFiles> files, const Clock& clock);

  const Clock& clock_;
  const std::shared_ptr<CertificateFiles> files_;
  const std::shared_ptr<prometheus::Collectable> metrics_;
  Loop refresh_;
};

}  // namespace stackyard
