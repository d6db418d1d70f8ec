#include "common/peer_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/test_certificates.h"

namespace stackyard {
namespace {

using testing::HasSubstr;

constexpr char kStacks[] = "spiffe://stackyard/stacks";

absl::StatusOr<PeerCertificate> Verify(const TestAuthority& trusted, const TestCertificate& peer,
                                       PeerEnd end = PeerEnd::kClient,
                                       absl::Time now = absl::Now()) {
  return Authorities::Parse(trusted.pem())->Verify(peer.certificate, "", end, now);
}

std::string WhyNot(const absl::StatusOr<PeerCertificate>& verified) {
  return verified.ok() ? "it holds" : std::string(verified.status().message());
}

TEST(PeerCertificateTest, TellsWhoTheOtherEndIs) {
  const TestAuthority authority;
  for (const PeerEnd end : {PeerEnd::kClient, PeerEnd::kServer}) {
    const auto peer = Verify(authority, authority.Issue(kStacks), end);
    ASSERT_TRUE(peer.ok()) << peer.status();
    EXPECT_EQ(peer->id.mesh, "spiffe://stackyard");
    EXPECT_EQ(peer->id.service, "stacks");
  }
}

TEST(PeerCertificateTest, RefusesAnotherAuthority) {
  // Of the same name, even.
  EXPECT_THAT(WhyNot(Verify(TestAuthority("a"), TestAuthority("a").Issue(kStacks))),
              HasSubstr("`spiffe://stackyard/stacks` does not hold"));
  EXPECT_THAT(WhyNot(Verify(TestAuthority("a"), TestAuthority("b").Issue(kStacks))),
              HasSubstr("no authority of --mtls-ca signed it"));
}

TEST(PeerCertificateTest, IsInForceFromItsBeginningToItsEnd) {
  const TestAuthority authority;
  const absl::Time noon = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()));
  TestSubject subject{.uris = kStacks, .not_before = noon, .not_after = noon + absl::Minutes(10)};
  const TestCertificate peer = authority.Issue(subject);
  const auto at = [&](absl::Duration after) {
    return WhyNot(Verify(authority, peer, PeerEnd::kClient, noon + after));
  };
  EXPECT_THAT(at(-absl::Seconds(1)), HasSubstr("not yet valid"));
  EXPECT_EQ(at(absl::Seconds(1)), "it holds");
  EXPECT_EQ(at(absl::Minutes(10) - absl::Seconds(1)), "it holds");
  EXPECT_THAT(at(absl::Minutes(10) + absl::Seconds(1)),
              HasSubstr("has expired at " + absl::FormatTime("%Y-%m-%dT%H:%M:%S", subject.not_after,
                                                             absl::UTCTimeZone())));
}

TEST(PeerCertificateTest, IsForOneEndOrBoth) {
  const TestAuthority authority;
  const TestCertificate client =
      authority.Issue(TestSubject{.uris = kStacks, .usage = "clientAuth"});
  EXPECT_TRUE(Verify(authority, client, PeerEnd::kClient).ok());
  EXPECT_THAT(WhyNot(Verify(authority, client, PeerEnd::kServer)), HasSubstr("purpose"));
  const TestCertificate server =
      authority.Issue(TestSubject{.uris = kStacks, .usage = "serverAuth"});
  EXPECT_THAT(WhyNot(Verify(authority, server, PeerEnd::kClient)), HasSubstr("purpose"));
  EXPECT_TRUE(Verify(authority, server, PeerEnd::kServer).ok());
}

TEST(PeerCertificateTest, NamesExactlyOneService) {
  const TestAuthority authority;
  EXPECT_THAT(WhyNot(Verify(authority, authority.Issue(""))), HasSubstr("has 0 URIs"));
  EXPECT_THAT(
      WhyNot(Verify(authority, authority.Issue("spiffe://stackyard/stacks,spiffe://a/gateway"))),
      HasSubstr("has 2 URIs"));
  EXPECT_THAT(WhyNot(Verify(authority, authority.Issue("https://stackyard/stacks"))),
              HasSubstr("is not spiffe://TRUST-DOMAIN/SERVICE"));
}

TEST(PeerCertificateTest, FollowsTheChain) {
  const TestAuthority root("root");
  const TestAuthority between("between", &root);
  const TestCertificate peer = between.Issue(kStacks);
  const Authorities authorities = *Authorities::Parse(root.pem());
  const auto verify = [&](const std::string& chain) {
    return WhyNot(authorities.Verify(peer.certificate, chain, PeerEnd::kClient, absl::Now()));
  };
  EXPECT_EQ(verify(between.pem()), "it holds");
  EXPECT_EQ(verify(peer.certificate + between.pem() + root.pem()), "it holds");
  EXPECT_THAT(verify(""), HasSubstr("no authority of --mtls-ca signed it"));
  EXPECT_TRUE(Verify(between, peer).ok());
  // A service is no authority, whatever it signs.
  EXPECT_FALSE(Verify(root, TestAuthority("stray").Issue(kStacks)).ok());
}

TEST(PeerCertificateTest, TakesEveryAuthorityOfTheFile) {
  const TestAuthority old("old"), fresh("fresh");
  const Authorities both = *Authorities::Parse(old.pem() + fresh.pem());
  for (const TestAuthority* authority : {&old, &fresh}) {
    EXPECT_TRUE(
        both.Verify(authority->Issue(kStacks).certificate, "", PeerEnd::kClient, absl::Now()).ok());
  }
}

TEST(PeerCertificateTest, RefusesWhatIsNoCertificate) {
  const TestAuthority authority;
  EXPECT_EQ(WhyNot(Verify(authority, {"", ""})), "it shows no certificate");
  EXPECT_EQ(WhyNot(Verify(authority, {"nonsense", ""})), "it shows no certificate");
  EXPECT_FALSE(Authorities::Parse("").ok());
  EXPECT_FALSE(Authorities::Parse("nonsense").ok());
}

TEST(PeerCertificateTest, AKeyFitsItsCertificateAlone) {
  const TestAuthority authority;
  const TestCertificate one = authority.Issue(kStacks), other = authority.Issue(kStacks);
  EXPECT_TRUE(CheckKey(one.certificate, one.key).ok());
  EXPECT_FALSE(CheckKey(one.certificate, other.key).ok());
  EXPECT_FALSE(CheckKey(one.certificate, "").ok());
  EXPECT_FALSE(CheckKey("", one.key).ok());
}

}  // namespace
}  // namespace stackyard
