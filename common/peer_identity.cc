#include "common/peer_identity.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_metadata_processor.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/certificate_metrics.h"
#include "common/grpc_log.h"
#include "common/grpc_status.h"
#include "common/log.h"
#include "common/principal.h"
#include "common/status_macros.h"

namespace stackyard {
namespace {

using grpc::experimental::ExternalCertificateVerifier;
using grpc::experimental::TlsCustomVerificationCheckRequest;

// Of certificates, in seconds: by us, and again by gRPC.
constexpr int kRefreshSeconds = 1;
// In the connection's properties: the one URI of the peer's certificate.
constexpr char kPeerUri[] = GRPC_PEER_SPIFFE_ID_PROPERTY_NAME;

std::string_view View(const grpc::string_ref& text) { return {text.data(), text.size()}; }

// gRPC finds key and chain in one file, which changes as a whole. Each server and channel needs one
// of its own: gRPC 1.51 tells a server nothing of new certificates while a channel watches the
// same.
std::shared_ptr<grpc::experimental::CertificateProviderInterface> Provide(
    const CertificateFiles& files) {
  return std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
      files.own_path(), files.own_path(), files.ca_path(), kRefreshSeconds);
}

// Checks the other end of a connection before anything is sent over it. gRPC has checked that it
// holds the key of its certificate; the rest is done here, and not by OpenSSL within the handshake,
// because that would tell nobody whom it refused and why.
class PeerVerifier final : public ExternalCertificateVerifier {
 public:
  // `service` is who has to answer; empty: any service of the mesh may call.
  PeerVerifier(std::shared_ptr<CertificateFiles> files, std::string service, const Clock& clock)
      : files_(std::move(files)), service_(std::move(service)), clock_(clock) {}

  bool Verify(TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>,
              grpc::Status* answer) override {
    const absl::Status holds =
        Check(View(request->peer_cert()), View(request->peer_cert_full_chain()));
    if (holds.ok()) {
      *answer = grpc::Status::OK;
      return true;
    }
    if (service_.empty()) {
      LogWarning("a connection was refused", {{"error", std::string(holds.message())}});
    } else {
      LogWarning("a service is not who it should be",
                 {{"expected", service_}, {"error", std::string(holds.message())}});
    }
    *answer = grpc::Status(grpc::StatusCode::UNAUTHENTICATED, std::string(holds.message()));
    return true;
  }
  // Nothing here takes time.
  void Cancel(TlsCustomVerificationCheckRequest*) override {}

 private:
  absl::Status Check(std::string_view certificate, std::string_view chain) const {
    const PeerEnd end = service_.empty() ? PeerEnd::kClient : PeerEnd::kServer;
    ASSIGN_OR_RETURN(const PeerCertificate peer, files_->current()->authorities.Verify(
                                                     certificate, chain, end, clock_.TimeNow()));
    const bool known =
        peer.id.mesh == files_->mesh() && (service_.empty() || peer.id.service == service_);
    if (known) return absl::OkStatus();
    return absl::PermissionDeniedError(absl::StrCat("it is ", peer.id.mesh, "/", peer.id.service,
                                                    ", not ", files_->mesh(), "/", service_));
  }

  const std::shared_ptr<CertificateFiles> files_;
  const std::string service_;
  const Clock& clock_;
};

// Checks each call before its handler runs.
class PeerProcessor final : public grpc::AuthMetadataProcessor {
 public:
  PeerProcessor(PeerTable table, std::string mesh)
      : table_(std::move(table)), mesh_(std::move(mesh)) {}

  // It takes no time: no thread for it.
  bool IsBlocking() const override { return false; }

  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* connection,
                       OutputMetadata*, OutputMetadata*) override {
    const auto path = metadata.find(":path");
    const absl::Status allowed =
        table_.Check(path == metadata.end() ? "" : View(path->second), PeerOf(*connection),
                     metadata.find(kPrincipalKey) != metadata.end());
    if (allowed.ok()) return grpc::Status::OK;
    LogWarning("a call of another service was refused",
               {{"error", std::string(allowed.message())}});
    return PeerRefusal(allowed);
  }

 private:
  // Empty for none of the mesh: then nothing is allowed.
  std::string PeerOf(const grpc::AuthContext& connection) const {
    const std::vector<grpc::string_ref> uris = connection.FindPropertyValues(kPeerUri);
    if (uris.size() != 1) return "";
    const auto id = ParseSpiffeId(View(uris.front()));
    return id.ok() && id->mesh == mesh_ ? id->service : "";
  }

  const PeerTable table_;
  const std::string mesh_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PeerIdentity>> PeerIdentity::Open(const MutualTls& files,
                                                                 const std::string& service,
                                                                 const Clock& clock) {
  RETURN_IF_ERROR(files.Check());
  if (!files.on()) return nullptr;
  LogWhatGrpcSays();
  ASSIGN_OR_RETURN(auto opened, CertificateFiles::Open(files, service, clock));
  return std::unique_ptr<PeerIdentity>(new PeerIdentity(std::move(opened), clock));
}

PeerIdentity::PeerIdentity(std::shared_ptr<CertificateFiles> files, const Clock& clock)
    : clock_(clock),
      files_(std::move(files)),
      metrics_(std::make_shared<CertificateMetrics>(files_)),
      refresh_("certificates", [files = files_] {
        files->Refresh();
        return absl::Seconds(kRefreshSeconds);
      }) {}

PeerIdentity::~PeerIdentity() = default;

std::shared_ptr<grpc::ServerCredentials> PeerIdentity::ForServer(PeerTable table) const {
  grpc::experimental::TlsServerCredentialsOptions options(Provide(*files_));
  options.watch_identity_key_cert_pairs();
  // A certificate is asked for, and the verifier refuses who has none.
  options.set_cert_request_type(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_BUT_DONT_VERIFY);
  options.set_certificate_verifier(
      ExternalCertificateVerifier::Create<PeerVerifier>(files_, "", clock_));
  auto credentials = grpc::experimental::TlsServerCredentials(options);
  credentials->SetAuthMetadataProcessor(
      std::make_shared<PeerProcessor>(std::move(table), files_->mesh()));
  return credentials;
}

std::shared_ptr<grpc::ChannelCredentials> PeerIdentity::ForChannel(
    const std::string& service) const {
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(Provide(*files_));
  options.watch_identity_key_cert_pairs();
  // Without authorities of its own gRPC would load the system's.
  options.watch_root_certs();
  options.set_verify_server_certs(false);
  options.set_check_call_host(false);
  options.set_certificate_verifier(
      ExternalCertificateVerifier::Create<PeerVerifier>(files_, service, clock_));
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace stackyard
