#include "common/aws_credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "tests/support/http_server.h"

namespace stackyard {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr char kStsAnswer[] = R"(<?xml version="1.0"?>
<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <Credentials>
      <AccessKeyId>ASIA1</AccessKeyId>
      <SecretAccessKey>s/e+c</SecretAccessKey>
      <SessionToken>tok&amp;en==</SessionToken>
      <Expiration>2027-01-15T09:00:00Z</Expiration>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>)";

class AwsCredentialsTest : public testing::Test {
 protected:
  AwsCredentialsTest() {
    fs::create_directories(folder_);
    variables_["HOME"] = folder_.string();
  }
  ~AwsCredentialsTest() override { fs::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  absl::StatusOr<std::unique_ptr<AwsKeySource>> Find() {
    return FindAwsKeys(
        [this](std::string_view name) -> std::optional<std::string> {
          const auto found = variables_.find(std::string(name));
          if (found == variables_.end()) return std::nullopt;
          return found->second;
        },
        "eu-west-1", http_);
  }
  absl::StatusOr<AwsKeys> Fetch() {
    auto source = Find();
    return source.ok() ? (*source)->Fetch() : source.status();
  }

  const fs::path folder_ = fs::temp_directory_path() / ("stackyard-aws-" + RandomId());
  std::map<std::string, std::string> variables_;
  HttpClient http_;
};

TEST_F(AwsCredentialsTest, ComeFromTheEnvironment) {
  variables_["AWS_ACCESS_KEY_ID"] = "AKIA1";
  EXPECT_TRUE(absl::IsInvalidArgument(Fetch().status())) << "half of a pair";
  variables_["AWS_SECRET_ACCESS_KEY"] = "secret";
  variables_["AWS_SESSION_TOKEN"] = "token";
  // What comes later in the order does not count.
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/nowhere";
  const auto keys = Fetch();
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->id + keys->secret + keys->session_token, "AKIA1secrettoken");
  EXPECT_EQ(keys->expires, absl::InfiniteFuture());
}

TEST_F(AwsCredentialsTest, ComeFromAProfile) {
  EXPECT_TRUE(absl::IsInvalidArgument(Find().status())) << "there is nothing yet";
  fs::create_directories(folder_ / ".aws");
  Write(".aws/credentials",
        "# mine\n[default]\naws_access_key_id=A\naws_secret_access_key = B=C \n\n"
        "[ other ]\naws_access_key_id = D\naws_secret_access_key = E\naws_session_token = F\n");
  EXPECT_EQ(Fetch()->id, "A");
  EXPECT_EQ(Fetch()->secret, "B=C");
  variables_["AWS_PROFILE"] = "other";
  EXPECT_EQ(Fetch()->id + Fetch()->secret + Fetch()->session_token, "DEF");
  variables_["AWS_PROFILE"] = "none";
  EXPECT_TRUE(absl::IsFailedPrecondition(Fetch().status()));
  EXPECT_THAT(std::string(Fetch().status().message()), HasSubstr("the profile none"));
  variables_["AWS_PROFILE"] = "other";
  variables_["AWS_SHARED_CREDENTIALS_FILE"] = Write("shared", "[other]\naws_access_key_id=G\n");
  EXPECT_THAT(std::string(Fetch().status().message()), Not(HasSubstr("G")));
  Write("shared", "[other]\naws_access_key_id=G\naws_secret_access_key=H\n");
  EXPECT_EQ(Fetch()->id, "G");
}

TEST_F(AwsCredentialsTest, ComeFromStsForAWebIdentity) {
  std::string answer = HttpAnswer("200 OK", kStsAnswer);
  HttpServer sts([&](const HttpServer::Request&) { return answer; });
  variables_["AWS_WEB_IDENTITY_TOKEN_FILE"] = Write("token", "a.b+c/d=\n");
  EXPECT_TRUE(absl::IsInvalidArgument(Fetch().status())) << "no role";
  variables_["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/stackyard";
  variables_["AWS_ENDPOINT_URL_STS"] = sts.url();
  const auto keys = Fetch();
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->id, "ASIA1");
  EXPECT_EQ(keys->secret, "s/e+c");
  EXPECT_EQ(keys->session_token, "tok&en==");
  EXPECT_EQ(absl::FormatTime(keys->expires, absl::UTCTimeZone()), "2027-01-15T09:00:00+00:00");
  ASSERT_THAT(sts.seen(), SizeIs(1));
  const std::string sent = sts.seen()[0].body;
  EXPECT_THAT(sent, HasSubstr("Action=AssumeRoleWithWebIdentity&Version=2011-06-15"));
  EXPECT_THAT(sent, HasSubstr("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fstackyard"));
  EXPECT_THAT(sent, HasSubstr("RoleSessionName=stackyard"));
  EXPECT_THAT(sent, HasSubstr("WebIdentityToken=a.b%2Bc%2Fd%3D"));

  answer = HttpAnswer("400 Bad Request",
                      "<ErrorResponse><Error><Code>ExpiredTokenException</Code><Message>a.b+c/d="
                      "</Message></Error></ErrorResponse>");
  const absl::Status refused = Fetch().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("400 ExpiredTokenException"));
  EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("a.b+c"))) << "the token is a secret";
  answer = HttpAnswer("503 Busy", "");
  EXPECT_TRUE(absl::IsUnavailable(Fetch().status()));
  answer = HttpAnswer("200 OK", "<html>login</html>");
  EXPECT_TRUE(absl::IsUnavailable(Fetch().status()));
}

TEST_F(AwsCredentialsTest, ComeFromTheContainersHost) {
  std::string answer = HttpAnswer("200 OK", R"({"AccessKeyId":"ASIA2","SecretAccessKey":"s",
      "Token":"t","Expiration":"2027-01-15T09:00:00Z","AccountId":"123456789012"})");
  HttpServer agent([&](const HttpServer::Request&) { return answer; });
  variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = agent.url() + "/v1/credentials";
  variables_["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = Write("pod-token", "the-token\n");
  const auto keys = Fetch();
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->id + keys->secret + keys->session_token, "ASIA2st");
  EXPECT_THAT(agent.seen()[0].head, HasSubstr("GET /v1/credentials HTTP/1.1\r\n"));
  EXPECT_THAT(agent.seen()[0].head, HasSubstr("Authorization: the-token\r\n"));
  answer = HttpAnswer("403 Forbidden", "{}");
  EXPECT_TRUE(absl::IsFailedPrecondition(Fetch().status()));
  answer = HttpAnswer("200 OK", "[]");
  EXPECT_TRUE(absl::IsUnavailable(Fetch().status()));
  Write("pod-token", "a\r\nX-Other: b");
  EXPECT_TRUE(absl::IsFailedPrecondition(Fetch().status())) << "it would be a header of its own";
  // A token goes to strangers by https only.
  for (const char* url : {"http://example.com/x", "http://127.0.0.1.example.com/", "file:///x"}) {
    variables_["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url;
    EXPECT_TRUE(absl::IsInvalidArgument(Find().status())) << url;
  }
}

// Gives out keys that are numbered, until it is told to fail.
class Numbered final : public AwsKeySource {
 public:
  absl::StatusOr<AwsKeys> Fetch() override {
    ++fetched;
    if (!failure.ok()) return failure;
    return AwsKeys{absl::StrCat("key-", fetched), "secret", "", expires};
  }
  int fetched = 0;
  absl::Status failure;
  absl::Time expires = absl::InfiniteFuture();
};

TEST(AwsCredentialsRenewalTest, TheyAreFetchedAnewBeforeTheyExpire) {
  FakeClock clock;
  auto owned = std::make_unique<Numbered>();
  Numbered& source = *owned;
  AwsCredentials credentials(std::move(owned), clock);
  source.expires = clock.TimeNow() + absl::Hours(1);
  EXPECT_EQ(credentials.Get()->id, "key-1");
  clock.Advance(absl::Minutes(54));
  EXPECT_EQ(credentials.Get()->id, "key-1");
  clock.Advance(absl::Minutes(2));
  // Nobody answers: those at hand are good for four minutes yet.
  source.failure = absl::UnavailableError("away");
  EXPECT_EQ(credentials.Get()->id, "key-1");
  EXPECT_EQ(source.fetched, 2);
  EXPECT_EQ(credentials.Get()->id, "key-1");
  EXPECT_EQ(source.fetched, 2) << "not with every call";
  clock.Advance(absl::Minutes(4));
  EXPECT_TRUE(absl::IsUnavailable(credentials.Get().status())) << "they are over";
  source.failure = absl::OkStatus();
  source.expires = clock.TimeNow() + absl::Hours(1);
  EXPECT_EQ(credentials.Get()->id, "key-4");
  // Refused before their time: those who were refused with the old ones do not drop the new.
  const AwsKeys old = *credentials.Get();
  credentials.Drop(old);
  EXPECT_EQ(credentials.Get()->id, "key-5");
  credentials.Drop(old);
  EXPECT_EQ(credentials.Get()->id, "key-5");
}

TEST(AwsCredentialsRenewalTest, ThoseWithoutAnEndAreReadAgain) {
  FakeClock clock;
  auto owned = std::make_unique<Numbered>();
  AwsCredentials credentials(std::move(owned), clock);
  EXPECT_EQ(credentials.Get()->id, "key-1");
  clock.Advance(absl::Seconds(59));
  EXPECT_EQ(credentials.Get()->id, "key-1");
  clock.Advance(absl::Seconds(2));
  EXPECT_EQ(credentials.Get()->id, "key-2");
}

}  // namespace
}  // namespace stackyard
