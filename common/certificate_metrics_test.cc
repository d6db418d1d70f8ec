#include "common/certificate_metrics.h"

#include <gtest/gtest.h>

#include "common/test_certificates.h"
#include "common/test_metrics.h"

namespace stackyard {
namespace {

constexpr char kStacks[] = "spiffe://stackyard/stacks";

TEST(CertificateMetricsTest, TellsTheEndOfTheCertificateThatIsInForce) {
  const TestAuthority authority;
  const FakeClock clock(absl::Now());
  const absl::Time soon = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()) + 3600);
  const absl::Time later = soon + absl::Hours(24);
  const auto issue = [&](absl::Time end) {
    TestSubject subject;
    subject.uris = kStacks;
    subject.not_after = end;
    return authority.Issue(subject);
  };
  const TestCertificateFiles files(issue(soon), authority.pem());
  const auto opened = *CertificateFiles::Open(files.files(), "stacks", clock);
  const CertificateMetrics metrics(opened);
  const auto shown = [&] { return MetricValue(metrics, "stackyard_certificate_end_time_seconds"); };
  EXPECT_EQ(shown(), static_cast<double>(absl::ToUnixSeconds(soon)));

  // Not before it is taken up.
  files.Write(issue(later));
  EXPECT_EQ(shown(), static_cast<double>(absl::ToUnixSeconds(soon)));
  opened->Refresh();
  EXPECT_EQ(shown(), static_cast<double>(absl::ToUnixSeconds(later)));
}

}  // namespace
}  // namespace stackyard
