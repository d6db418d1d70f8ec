// TLS from PEM files, which are read again when they change.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/mutual_tls.h"

namespace stackyard::gateway {

// What connections that begin at one time use.
struct TlsContext {
  boost::asio::ssl::context ssl;
  // Towards services: the mesh that this one and all of them are of, see SpiffeId.
  std::string mesh;
};

class TlsFiles {
 public:
  using Context = std::shared_ptr<TlsContext>;

  // For a server that anybody may connect to: TLS 1.2 or later, HTTP/2 only. INVALID_ARGUMENT that
  // names the file at fault.
  static absl::StatusOr<std::unique_ptr<TlsFiles>> ForServer(const std::string& cert,
                                                             const std::string& key);
  // For connections to other services.
  static absl::StatusOr<std::unique_ptr<TlsFiles>> ForServices(const MutualTls& files);

  // What new connections use. From any thread.
  Context current();
  // Looks whether the files have changed. Files that cannot be used are logged, once, and those
  // before them stay in use.
  void Refresh();

 private:
  TlsFiles(bool server, MutualTls files) : server_(server), files_(std::move(files)) {}
  absl::StatusOr<Context> Load() const;
  // Changes when a file does.
  std::string Fingerprint() const;

  const bool server_;
  // Without `ca` for a server.
  const MutualTls files_;
  std::string fingerprint_;
  absl::Mutex mutex_;
  Context current_ ABSL_GUARDED_BY(mutex_);
};

// For a client's handshake.
void OfferHttp2(SSL* ssl);

// Whether the certificate is one of this service of the mesh.
bool NamesService(X509* certificate, const std::string& mesh, const std::string& service);

}  // namespace stackyard::gateway
