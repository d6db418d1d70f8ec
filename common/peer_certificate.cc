#include "common/peer_certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace stackyard {
namespace {

template <auto free>
struct Free {
  template <typename T>
  void operator()(T* value) const {
    free(value);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;

void FreeChain(STACK_OF(X509) * chain) { sk_X509_pop_free(chain, X509_free); }
using Chain = std::unique_ptr<STACK_OF(X509), Free<FreeChain>>;

// As OpenSSL's level 2, Debian's default: nothing below 112 bits, no SHA-1.
constexpr int kSecurityLevel = 2;

Bio Open(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// The next one; nullptr at the end.
Certificate Next(BIO* bio) {
  Certificate certificate(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

absl::StatusOr<Certificate> First(std::string_view pem) {
  Certificate certificate = Next(Open(pem).get());
  if (certificate == nullptr) return absl::InvalidArgumentError("there is no certificate");
  return certificate;
}

absl::Time ToTime(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

// `CN = stacks`, for logs.
std::string Subject(const X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_ONELINE);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, std::min<size_t>(static_cast<size_t>(size), 200));
}

absl::StatusOr<SpiffeId> IdOf(X509* certificate) {
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> uris;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                      static_cast<size_t>(ASN1_STRING_length(uri)));
  }
  if (uris.size() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("the certificate of `", Subject(certificate), "` has ", uris.size(),
                     " URIs, and needs one: spiffe://TRUST-DOMAIN/SERVICE"));
  }
  return ParseSpiffeId(uris.front());
}

absl::StatusOr<PeerCertificate> Read(X509* certificate) {
  PeerCertificate result;
  ASSIGN_OR_RETURN(result.id, IdOf(certificate));
  result.not_before = ToTime(X509_get0_notBefore(certificate));
  result.not_after = ToTime(X509_get0_notAfter(certificate));
  return result;
}

// Who the certificate says it is, whether that is true or not.
std::string Claim(X509* certificate) {
  const auto id = IdOf(certificate);
  return id.ok() ? absl::StrCat(id->mesh, "/", id->service) : Subject(certificate);
}

absl::Status Refusal(X509* certificate, const StoreContext& context) {
  const int error = X509_STORE_CTX_get_error(context.get());
  std::string why = X509_verify_cert_error_string(error);
  if (error == X509_V_ERR_CERT_HAS_EXPIRED) {
    const X509* old = X509_STORE_CTX_get_current_cert(context.get());
    absl::StrAppend(&why, " at ",
                    absl::FormatTime(ToTime(X509_get0_notAfter(old)), absl::UTCTimeZone()));
  }
  if (error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
      error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
      error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
      error == X509_V_ERR_CERT_SIGNATURE_FAILURE) {
    absl::StrAppend(&why, ": no authority of --mtls-ca signed it");
  }
  return absl::PermissionDeniedError(
      absl::StrCat("the certificate of `", Claim(certificate), "` does not hold: ", why));
}

}  // namespace

absl::StatusOr<PeerCertificate> ReadCertificate(std::string_view pem) {
  ASSIGN_OR_RETURN(const Certificate certificate, First(pem));
  return Read(certificate.get());
}

absl::Status CheckKey(std::string_view certificate_pem, std::string_view key_pem) {
  ASSIGN_OR_RETURN(const Certificate certificate, First(certificate_pem));
  // A key with a password would be asked for at the terminal.
  const auto no_password = [](char*, int, int, void*) { return 0; };
  const Key key(PEM_read_bio_PrivateKey(Open(key_pem).get(), nullptr, no_password, nullptr));
  const bool matches = key != nullptr && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (key == nullptr) return absl::InvalidArgumentError("there is no private key without password");
  if (!matches) return absl::InvalidArgumentError("the private key is not the certificate's");
  return absl::OkStatus();
}

absl::StatusOr<Authorities> Authorities::Parse(std::string_view pem) {
  const std::shared_ptr<X509_STORE> store(X509_STORE_new(), X509_STORE_free);
  const Bio bio = Open(pem);
  int count = 0;
  while (const Certificate authority = Next(bio.get())) {
    if (X509_STORE_add_cert(store.get(), authority.get()) != 1) {
      return absl::InvalidArgumentError("a certificate of an authority cannot be used");
    }
    ++count;
  }
  if (count == 0) return absl::InvalidArgumentError("there is no certificate");
  return Authorities(store);
}

absl::StatusOr<PeerCertificate> Authorities::Verify(std::string_view certificate_pem,
                                                    std::string_view chain_pem, PeerEnd end,
                                                    absl::Time now) const {
  const Certificate certificate = Next(Open(certificate_pem).get());
  if (certificate == nullptr) return absl::PermissionDeniedError("it shows no certificate");
  const Chain chain(sk_X509_new_null());
  const Bio bio = Open(chain_pem);
  while (Certificate between = Next(bio.get())) sk_X509_push(chain.get(), between.release());

  const StoreContext context(X509_STORE_CTX_new());
  if (context == nullptr ||
      X509_STORE_CTX_init(context.get(), store_.get(), certificate.get(), chain.get()) != 1) {
    return absl::InternalError("a certificate cannot be checked");
  }
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_purpose(
      rules, end == PeerEnd::kClient ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_auth_level(rules, kSecurityLevel);
  X509_VERIFY_PARAM_set_time(rules, absl::ToTimeT(now));
  // Whoever names an authority trusts it, be it signed by another one or not.
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
  const bool holds = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (!holds) return Refusal(certificate.get(), context);
  absl::StatusOr<PeerCertificate> result = Read(certificate.get());
  if (!result.ok()) return absl::PermissionDeniedError(result.status().message());
  return result;
}

}  // namespace stackyard
