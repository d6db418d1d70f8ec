// The files of MutualTls, read again when they change.
#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/memory_file.h"
#include "common/mutual_tls.h"
#include "common/peer_certificate.h"

namespace stackyard {

// What was read at one time, and fits together.
struct Certificates {
  // The chain, followed by the key of its first certificate.
  std::string own_pem;
  std::string ca_pem;
  PeerCertificate own;
  Authorities authorities;
};

// Thread-safe, but for Refresh, which one thread calls.
class CertificateFiles {
 public:
  // INVALID_ARGUMENT with one line when a file cannot be read or used, they do not fit together, or
  // the certificate is another service's or has expired. `clock` must outlive it.
  static absl::StatusOr<std::shared_ptr<CertificateFiles>> Open(const MutualTls& files,
                                                                std::string service,
                                                                const Clock& clock);

  // Looks at the files again. What cannot be used is logged once, and what was read before stays in
  // force: files that are replaced one after the other do no harm. True when something changed.
  bool Refresh();

  std::shared_ptr<const Certificates> current() const;
  // `spiffe://TRUST-DOMAIN/...` that this and all its peers have in common, as at the start.
  const std::string& mesh() const { return mesh_; }

  // For libraries that read files: what is in force, complete at any time.
  const std::string& own_path() const { return own_file_->path(); }
  const std::string& ca_path() const { return ca_file_->path(); }

 private:
  CertificateFiles(MutualTls files, std::string service, const Clock& clock)
      : files_(std::move(files)), service_(std::move(service)), clock_(clock) {}
  absl::StatusOr<std::shared_ptr<const Certificates>> Read() const;
  absl::Status Publish(std::shared_ptr<const Certificates> next);
  void WarnOfEnd();

  const MutualTls files_;
  const std::string service_;
  const Clock& clock_;
  std::string mesh_;
  std::unique_ptr<MemoryFile> own_file_;
  std::unique_ptr<MemoryFile> ca_file_;
  std::string last_fault_;
  bool warned_of_end_ = false;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const Certificates> current_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stackyard
