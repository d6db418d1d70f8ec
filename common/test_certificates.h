// Certificates for tests, made on the spot.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/id.h"
#include "common/mutual_tls.h"

namespace stackyard {

struct TestCertificate {
  std::string certificate;
  std::string key;
};

// What a certificate is made from.
struct TestSubject {
  // URIs of the certificate, separated by commas.
  std::string uris;
  absl::Time not_before = absl::Now() - absl::Minutes(5);
  absl::Time not_after = absl::Now() + absl::Hours(1);
  // As OpenSSL writes extended key usages.
  std::string usage = "clientAuth,serverAuth";
  bool authority = false;
};

// An authority with a key of its own.
class TestAuthority {
 public:
  // `parent` signs it; nullptr: itself.
  explicit TestAuthority(const std::string& name = "test", const TestAuthority* parent = nullptr)
      : key_(NewKey()), certificate_(nullptr, X509_free) {
    TestSubject subject;
    subject.authority = true;
    certificate_ = Make(name, subject, key_.get(), parent == nullptr ? *this : *parent);
  }

  std::string pem() const { return Pem(certificate_.get()); }

  TestCertificate Issue(const TestSubject& subject) const {
    const Key key = NewKey();
    const Certificate certificate = Make("service", subject, key.get(), *this);
    return {Pem(certificate.get()), Pem(key.get())};
  }
  TestCertificate Issue(const std::string& uri) const {
    TestSubject subject;
    subject.uris = uri;
    return Issue(subject);
  }

 private:
  using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
  using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

  static Key NewKey() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

  static std::string Text(BIO* bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<size_t>(size));
    BIO_free(bio);
    return text;
  }
  static std::string Pem(X509* certificate) {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    return Text(bio);
  }
  static std::string Pem(EVP_PKEY* key) {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    return Text(bio);
  }

  static void Extend(X509* certificate, int nid, const std::string& value, X509* issuer = nullptr) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  static Certificate Make(const std::string& name, const TestSubject& subject, EVP_PKEY* key,
                          const TestAuthority& issuer) {
    Certificate made(X509_new(), X509_free);
    X509_set_version(made.get(), 2);
    uint32_t serial = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial));
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial);
    ASN1_TIME_set(X509_getm_notBefore(made.get()), absl::ToTimeT(subject.not_before));
    ASN1_TIME_set(X509_getm_notAfter(made.get()), absl::ToTimeT(subject.not_after));
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    const bool root = issuer.certificate_ == nullptr;
    X509_set_issuer_name(made.get(),
                         X509_get_subject_name(root ? made.get() : issuer.certificate_.get()));
    X509_set_pubkey(made.get(), key);
    // Authorities of one name are told apart by their keys.
    Extend(made.get(), NID_subject_key_identifier, "hash");
    Extend(made.get(), NID_authority_key_identifier, "keyid",
           root ? made.get() : issuer.certificate_.get());
    if (subject.authority) {
      Extend(made.get(), NID_basic_constraints, "critical,CA:TRUE");
      Extend(made.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    } else {
      Extend(made.get(), NID_ext_key_usage, subject.usage);
    }
    std::string names;
    for (const auto part : absl::StrSplit(subject.uris, ',', absl::SkipEmpty())) {
      names += (names.empty() ? "URI:" : ",URI:") + std::string(part);
    }
    if (!names.empty()) Extend(made.get(), NID_subject_alt_name, names);
    X509_sign(made.get(), issuer.key_.get(), EVP_sha256());
    return made;
  }

  Key key_;
  Certificate certificate_;
};

// The three files of a service in a folder that goes with the test.
class TestCertificateFiles {
 public:
  TestCertificateFiles(const TestCertificate& own, const std::string& ca)
      : folder_(std::filesystem::temp_directory_path() / ("certificates-" + RandomId())) {
    std::filesystem::create_directories(folder_);
    files_ = {Path("cert.pem"), Path("key.pem"), Path("ca.pem")};
    Write(own);
    WriteCa(ca);
  }
  ~TestCertificateFiles() { std::filesystem::remove_all(folder_); }

  const MutualTls& files() const { return files_; }
  void Write(const TestCertificate& own) const {
    Write(files_.cert, own.certificate);
    Write(files_.key, own.key);
  }
  void WriteCa(const std::string& ca) const { Write(files_.ca, ca); }
  static void Write(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::trunc) << content;
  }

 private:
  std::string Path(const char* name) const { return (folder_ / name).string(); }

  const std::filesystem::path folder_;
  MutualTls files_;
};

}  // namespace stackyard
