#include "common/certificate_files.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace stackyard {
namespace {

absl::StatusOr<std::string> ReadAll(const char* flag, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file)
    return absl::InvalidArgumentError(absl::StrCat("--", flag, "=", path, " cannot be read"));
  return std::move(content).str();
}

absl::Status Fault(const char* flag, const std::string& path, const absl::Status& why) {
  return absl::InvalidArgumentError(absl::StrCat("--", flag, "=", path, ": ", why.message()));
}

std::string Text(absl::Time time) { return absl::FormatTime(time, absl::UTCTimeZone()); }

}  // namespace

absl::StatusOr<std::shared_ptr<CertificateFiles>> CertificateFiles::Open(const MutualTls& files,
                                                                         std::string service,
                                                                         const Clock& clock) {
  RETURN_IF_ERROR(files.Check());
  const std::shared_ptr<CertificateFiles> result(
      new CertificateFiles(files, std::move(service), clock));
  ASSIGN_OR_RETURN(result->own_file_, MemoryFile::Make());
  ASSIGN_OR_RETURN(result->ca_file_, MemoryFile::Make());
  ASSIGN_OR_RETURN(auto first, result->Read());
  result->mesh_ = first->own.id.mesh;
  RETURN_IF_ERROR(result->Publish(std::move(first)));
  return result;
}

absl::StatusOr<std::shared_ptr<const Certificates>> CertificateFiles::Read() const {
  ASSIGN_OR_RETURN(std::string own, ReadAll("mtls-cert", files_.cert));
  ASSIGN_OR_RETURN(const std::string key, ReadAll("mtls-key", files_.key));
  ASSIGN_OR_RETURN(std::string ca, ReadAll("mtls-ca", files_.ca));
  const auto certificate = ReadCertificate(own);
  if (!certificate.ok()) return Fault("mtls-cert", files_.cert, certificate.status());
  if (const absl::Status fits = CheckKey(own, key); !fits.ok()) {
    return Fault("mtls-key", files_.key, fits);
  }
  auto authorities = Authorities::Parse(ca);
  if (!authorities.ok()) return Fault("mtls-ca", files_.ca, authorities.status());
  const SpiffeId& id = certificate->id;
  if (id.service != service_ || (!mesh_.empty() && id.mesh != mesh_)) {
    return Fault("mtls-cert", files_.cert,
                 absl::InvalidArgumentError(
                     absl::StrCat("it is for ", id.mesh, "/", id.service, ", not for ",
                                  mesh_.empty() ? "" : mesh_ + "/", service_)));
  }
  if (certificate->not_after <= clock_.TimeNow()) {
    return Fault(
        "mtls-cert", files_.cert,
        absl::InvalidArgumentError(absl::StrCat("it expired at ", Text(certificate->not_after))));
  }
  absl::StrAppend(&own, "\n", key);
  return std::make_shared<const Certificates>(Certificates{
      std::move(own), std::move(ca), *std::move(certificate), *std::move(authorities)});
}

absl::Status CertificateFiles::Publish(std::shared_ptr<const Certificates> next) {
  RETURN_IF_ERROR(ca_file_->Replace(next->ca_pem));
  RETURN_IF_ERROR(own_file_->Replace(next->own_pem));
  LogInfo("certificates read", {{"service", absl::StrCat(next->own.id.mesh, "/", service_)},
                                {"until", Text(next->own.not_after)}});
  warned_of_end_ = false;
  absl::MutexLock lock(&mutex_);
  current_ = std::move(next);
  return absl::OkStatus();
}

bool CertificateFiles::Refresh() {
  WarnOfEnd();
  auto next = Read();
  const auto before = current();
  if (next.ok() && (*next)->own_pem == before->own_pem && (*next)->ca_pem == before->ca_pem) {
    last_fault_.clear();
    return false;
  }
  const absl::Status read = next.ok() ? Publish(*std::move(next)) : next.status();
  if (!read.ok() && std::exchange(last_fault_, read.ToString()) != last_fault_) {
    LogWarning("new certificates are not used, the old ones stay",
               {{"error", std::string(read.message())}});
  }
  if (read.ok()) last_fault_.clear();
  return read.ok();
}

// Whoever renews certificates does so long before.
void CertificateFiles::WarnOfEnd() {
  const PeerCertificate own = current()->own;
  const absl::Duration left = own.not_after - clock_.TimeNow();
  if (left > (own.not_after - own.not_before) / 10 || std::exchange(warned_of_end_, true)) return;
  LogWarning("this service's certificate ends soon, and there is no new one",
             {{"until", Text(own.not_after)}});
}

std::shared_ptr<const Certificates> CertificateFiles::current() const {
  absl::MutexLock lock(&mutex_);
  return current_;
}

}  // namespace stackyard
