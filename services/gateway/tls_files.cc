#include "services/gateway/tls_files.h"

#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/spiffe_id.h"
#include "common/status_macros.h"

namespace stackyard::gateway {
namespace {

namespace ssl = boost::asio::ssl;

// As ALPN writes lists of names.
constexpr unsigned char kHttp2[] = {2, 'h', '2'};

int ChooseHttp2(SSL*, const unsigned char** chosen, unsigned char* length,
                const unsigned char* offered, unsigned offered_length, void*) {
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, length, kHttp2, sizeof(kHttp2), offered, offered_length) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

// The one URI of a certificate, when it is a SPIFFE id.
std::optional<SpiffeId> IdOf(X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  std::optional<SpiffeId> found;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* text = name->d.uniformResourceIdentifier;
    const absl::StatusOr<SpiffeId> id =
        ParseSpiffeId(std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                       static_cast<size_t>(ASN1_STRING_length(text))));
    if (!id.ok() || found) return std::nullopt;
    found = *id;
  }
  return found;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsFiles>> TlsFiles::ForServer(const std::string& cert,
                                                              const std::string& key) {
  MutualTls files;
  files.cert = cert;
  files.key = key;
  std::unique_ptr<TlsFiles> tls(new TlsFiles(true, std::move(files)));
  tls->fingerprint_ = tls->Fingerprint();
  absl::MutexLock lock(&tls->mutex_);
  ASSIGN_OR_RETURN(tls->current_, tls->Load());
  return tls;
}

absl::StatusOr<std::unique_ptr<TlsFiles>> TlsFiles::ForServices(const MutualTls& files) {
  std::unique_ptr<TlsFiles> tls(new TlsFiles(false, files));
  tls->fingerprint_ = tls->Fingerprint();
  absl::MutexLock lock(&tls->mutex_);
  ASSIGN_OR_RETURN(tls->current_, tls->Load());
  return tls;
}

TlsFiles::Context TlsFiles::current() {
  absl::MutexLock lock(&mutex_);
  return current_;
}

absl::StatusOr<TlsFiles::Context> TlsFiles::Load() const {
  auto made = std::make_shared<TlsContext>(
      TlsContext{ssl::context(server_ ? ssl::context::tls_server : ssl::context::tls_client), ""});
  ssl::context* const context = &made->ssl;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 |
                       ssl::context::no_tlsv1_1 | ssl::context::no_compression);
  boost::system::error_code error;
  context->use_certificate_chain_file(files_.cert, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat(files_.cert, " holds no certificate chain: ", error.message()));
  }
  context->use_private_key_file(files_.key, ssl::context::pem, error);
  if (error || SSL_CTX_check_private_key(context->native_handle()) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(files_.key, " is not the private key of ", files_.cert));
  }
  if (server_) {
    SSL_CTX_set_alpn_select_cb(context->native_handle(), ChooseHttp2, nullptr);
    return made;
  }
  context->set_verify_mode(ssl::verify_peer);
  // Whoever names an authority trusts it, be it signed by another one or not; see Authorities.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context->native_handle()),
                              X509_V_FLAG_PARTIAL_CHAIN);
  context->load_verify_file(files_.ca, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat(files_.ca, " holds no certificates: ", error.message()));
  }
  X509* const own = SSL_CTX_get0_certificate(context->native_handle());
  const std::optional<SpiffeId> id = IdOf(own);
  if (!id) {
    return absl::InvalidArgumentError(
        absl::StrCat(files_.cert, " must have exactly one URI, which is a SPIFFE id"));
  }
  if (id->service != "gateway") {
    return absl::InvalidArgumentError(
        absl::StrCat(files_.cert, " is the certificate of ", id->service));
  }
  made->mesh = id->mesh;
  return made;
}

std::string TlsFiles::Fingerprint() const {
  std::string fingerprint;
  for (const std::string* path : {&files_.cert, &files_.key, &files_.ca}) {
    struct stat info {};
    if (path->empty() || stat(path->c_str(), &info) != 0) continue;
    absl::StrAppend(&fingerprint, info.st_ino, " ", info.st_size, " ", info.st_mtim.tv_sec, ".",
                    info.st_mtim.tv_nsec, ";");
  }
  return fingerprint;
}

void TlsFiles::Refresh() {
  std::string fingerprint = Fingerprint();
  if (fingerprint == fingerprint_) return;
  fingerprint_ = std::move(fingerprint);
  absl::StatusOr<Context> loaded = Load();
  if (loaded.ok() && (*loaded)->mesh != current()->mesh) {
    loaded = absl::InvalidArgumentError(absl::StrCat(files_.cert, " is of another mesh"));
  }
  if (!loaded.ok()) {
    LogError("new TLS files cannot be used; those before them stay in use",
             {{"error", loaded.status().ToString()}});
    return;
  }
  LogInfo("TLS files have changed", {{"cert", files_.cert}});
  absl::MutexLock lock(&mutex_);
  current_ = *std::move(loaded);
}

void OfferHttp2(SSL* ssl) { SSL_set_alpn_protos(ssl, kHttp2, sizeof(kHttp2)); }

bool NamesService(X509* certificate, const std::string& mesh, const std::string& service) {
  const std::optional<SpiffeId> id = IdOf(certificate);
  return id && id->mesh == mesh && id->service == service;
}

}  // namespace stackyard::gateway
