#include "common/certificate_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "common/test_certificates.h"

namespace stackyard {
namespace {

using testing::HasSubstr;

constexpr char kStacks[] = "spiffe://stackyard/stacks";

std::string ReadAll(const std::string& path) {
  std::ostringstream content;
  content << std::ifstream(path).rdbuf();
  return content.str();
}

class CertificateFilesTest : public testing::Test {
 protected:
  CertificateFilesTest()
      : first_(authority_.Issue(kStacks)), files_(first_, authority_.pem()), clock_(absl::Now()) {}

  absl::StatusOr<std::shared_ptr<CertificateFiles>> Open() {
    return CertificateFiles::Open(files_.files(), "stacks", clock_);
  }
  std::string WhyNot() {
    const auto opened = Open();
    return opened.ok() ? "opened" : std::string(opened.status().message());
  }
  static std::string Pem(const TestCertificate& pair) { return pair.certificate + "\n" + pair.key; }

  const TestAuthority authority_;
  const TestCertificate first_;
  TestCertificateFiles files_;
  FakeClock clock_;
};

TEST_F(CertificateFilesTest, TakesUpWhatChanged) {
  const auto opened = *Open();
  EXPECT_EQ(ReadAll(opened->own_path()), Pem(first_));
  EXPECT_EQ(ReadAll(opened->ca_path()), authority_.pem());
  EXPECT_FALSE(opened->Refresh());

  const TestCertificate second = authority_.Issue(kStacks);
  files_.Write(second);
  EXPECT_TRUE(opened->Refresh());
  EXPECT_EQ(ReadAll(opened->own_path()), Pem(second));
  EXPECT_FALSE(opened->Refresh());

  const TestAuthority other;
  files_.WriteCa(authority_.pem() + other.pem());
  EXPECT_TRUE(opened->Refresh());
  EXPECT_EQ(ReadAll(opened->ca_path()), authority_.pem() + other.pem());
  EXPECT_TRUE(opened->current()
                  ->authorities
                  .Verify(other.Issue(kStacks).certificate, "", PeerEnd::kClient, clock_.TimeNow())
                  .ok());
}

TEST_F(CertificateFilesTest, KeepsTheOldWhileTheNewCannotBeUsed) {
  const auto opened = *Open();
  const TestCertificate second = authority_.Issue(kStacks);
  // Certificate and key are replaced one after the other.
  files_.Write(files_.files().cert, second.certificate);
  EXPECT_FALSE(opened->Refresh());
  EXPECT_EQ(ReadAll(opened->own_path()), Pem(first_));
  files_.Write(files_.files().key, second.key);
  EXPECT_TRUE(opened->Refresh());
  EXPECT_EQ(ReadAll(opened->own_path()), Pem(second));

  TestSubject expired{.uris = kStacks};
  expired.not_after = clock_.TimeNow() - absl::Seconds(1);
  for (const TestCertificate& bad :
       {TestCertificate{}, TestCertificate{"half", second.key}, authority_.Issue(expired),
        authority_.Issue("spiffe://stackyard/gateway"),
        authority_.Issue("spiffe://other/stacks")}) {
    files_.Write(bad);
    EXPECT_FALSE(opened->Refresh()) << bad.certificate;
    EXPECT_EQ(ReadAll(opened->own_path()), Pem(second));
  }
  files_.Write(second);
  files_.WriteCa("");
  EXPECT_FALSE(opened->Refresh());
  std::filesystem::remove(files_.files().ca);
  EXPECT_FALSE(opened->Refresh());
  EXPECT_EQ(ReadAll(opened->ca_path()), authority_.pem());
}

TEST_F(CertificateFilesTest, WhatCannotBeUsedIsOneClearLine) {
  EXPECT_EQ(WhyNot(), "opened");
  const std::string cert = files_.files().cert, key = files_.files().key, ca = files_.files().ca;
  files_.Write(authority_.Issue("spiffe://stackyard/runner"));
  EXPECT_EQ(WhyNot(),
            "--mtls-cert=" + cert + ": it is for spiffe://stackyard/runner, not for stacks");
  files_.Write(cert, first_.certificate);
  EXPECT_EQ(WhyNot(), "--mtls-key=" + key + ": the private key is not the certificate's");
  files_.Write(key, "nonsense");
  EXPECT_EQ(WhyNot(), "--mtls-key=" + key + ": there is no private key without password");
  files_.Write(first_);
  files_.Write(cert, "nonsense");
  EXPECT_EQ(WhyNot(), "--mtls-cert=" + cert + ": there is no certificate");
  files_.Write(first_);
  files_.WriteCa("nonsense");
  EXPECT_EQ(WhyNot(), "--mtls-ca=" + ca + ": there is no certificate");
  files_.WriteCa(authority_.pem());
  clock_.Advance(absl::Hours(2));
  EXPECT_THAT(WhyNot(), HasSubstr("--mtls-cert=" + cert + ": it expired at 20"));
  std::filesystem::remove(key);
  EXPECT_EQ(WhyNot(), "--mtls-key=" + key + " cannot be read");
}

// gRPC takes a torn pair for whole unless it can see by the times that a file changed.
TEST_F(CertificateFilesTest, EachContentHasATimeOfItsOwn) {
  const auto opened = *Open();
  std::set<std::filesystem::file_time_type> times;
  for (int i = 0; i < 5; ++i) {
    times.insert(std::filesystem::last_write_time(opened->own_path()));
    files_.Write(authority_.Issue(kStacks));
    EXPECT_TRUE(opened->Refresh());
  }
  EXPECT_EQ(times.size(), 5u);
}

}  // namespace
}  // namespace stackyard
