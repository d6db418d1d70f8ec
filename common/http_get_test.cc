// What is not asked of a real server; tests/e2e/identity_test.py asks one.
#include "common/http_get.h"

#include <gtest/gtest.h>

namespace stackyard {
namespace {

TEST(HttpGetTest, OnlyWhatNobodyCanListenTo) {
  for (const char* url : {"https://id.example.com", "https://id.example.com:8443/realms/a?b=c",
                          "http://127.0.0.1:5556/dex", "http://localhost/x", "http://[::1]:80/"}) {
    EXPECT_TRUE(CheckTrustedUrl(url).ok()) << url;
  }
  for (const char* url :
       {"", "id.example.com", "http://id.example.com", "http://127.0.0.1.example.com/",
        "http://10.0.0.1/", "ftp://localhost/", "file:///etc/passwd", "https://", "https://a b/",
        "https://user@id.example.com/", "https://id.example.com/#x", "http://localhost.evil/"}) {
    EXPECT_FALSE(CheckTrustedUrl(url).ok()) << url;
  }
}

TEST(HttpGetTest, ReadsHowLongAnAnswerIsGood) {
  EXPECT_EQ(ReadMaxAge("public, max-age=3600, must-revalidate"), absl::Hours(1));
  EXPECT_EQ(ReadMaxAge("Max-Age=5"), absl::Seconds(5));
  for (const char* none : {"", "no-store", "max-age=3600, no-cache", "max-age=-1", "max-age=x"}) {
    EXPECT_EQ(ReadMaxAge(none), absl::ZeroDuration()) << none;
  }
}

TEST(HttpGetTest, TellsWhoDoesNotAnswer) {
  HttpGetOptions options;
  options.timeout = absl::Seconds(2);
  // Nobody may listen on port 1 of a test's machine.
  const auto answer = GetHttp("http://127.0.0.1:1/keys", options);
  EXPECT_TRUE(absl::IsUnavailable(answer.status())) << answer.status();
  EXPECT_NE(answer.status().message().find("http://127.0.0.1:1/keys"), std::string::npos);
}

}  // namespace
}  // namespace stackyard
