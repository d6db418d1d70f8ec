// The first administrator by a token that somebody else made, over both engines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "common/grpc_status.h"
#include "common/sql.h"
#include "common/status.h"
#include "common/work.h"
#include "services/gateway/bootstrap.h"
#include "services/gateway/identity_schema.h"
#include "services/gateway/test_gateway.h"
#include "services/gateway/token.h"
#include "tests/support/postgres.h"

namespace stackyard::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Stub = v1::IdentityService::Stub;

constexpr char kToken[] = "syt_abcdef012345_ZYxwvutsrqPONMLKJIHGFEdcba9876543210-_abcde";
static_assert(sizeof(kToken) - 1 == 60);

TEST(TakeTokenTest, TakesWhatMakeTokenMakes) {
  const NewToken made = MakeToken();
  const auto taken = TakeToken(made.text);
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->id, made.id);
  EXPECT_EQ(taken->text, made.text);
  EXPECT_EQ(taken->hash, made.hash);
}

TEST(TakeTokenTest, NamesWhatIsWrongAndNeverTheToken) {
  const std::string good = kToken;
  ASSERT_TRUE(TakeToken(good).ok()) << TakeToken(good).status();
  const std::string one_letter(43, 'a');
  const std::map<std::string, const char*> wrong = {
      {"", "it is not `syt_`"},
      {"hunter2", "it is not `syt_`"},
      {good + "x", "it is not `syt_`"},
      {good.substr(0, 59), "it is not `syt_`"},
      {"sys" + good.substr(3), "it is not `syt_`"},
      {"syt_ABCDEF012345" + good.substr(16), "it is not `syt_`"},
      {good.substr(0, 59) + "!", "it is not `syt_`"},
      {good.substr(0, 30) + "\n" + good.substr(31), "it is not `syt_`"},
      {good.substr(0, 17) + one_letter, "it can be guessed"},
      {good.substr(0, 17) + "changeme-changeme-changeme-changeme-changem", "it can be guessed"}};
  for (const auto& [text, message] : wrong) {
    const absl::Status status = TakeToken(text).status();
    EXPECT_THAT(std::string(status.message()), HasSubstr(message)) << text;
    if (text.size() > 20) {
      EXPECT_THAT(std::string(status.message()), Not(HasSubstr(text)));
    }
  }
}

class FirstAdminTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    options_.database = "sqlite:" + (folder_ / "gateway.db");
    if (GetParam() == "Postgres") {
      const auto url = NewPostgresDatabase();
      if (absl::IsNotFound(url.status())) GTEST_SKIP() << "PostgreSQL is not installed";
      ASSERT_TRUE(url.ok()) << url.status();
      options_.database = *url;
    }
    options_.data = folder_ / "data";
    options_.first_admin_token_file = Write("first", kToken);
  }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text << "\n";
    return folder_ / name;
  }
  static absl::StatusOr<v1::WhoAmIResponse> WhoAmI(const TestGateway& gateway,
                                                   const std::string& token) {
    auto stub = v1::IdentityService::NewStub(gateway.channel());
    v1::WhoAmIResponse response;
    const grpc::Status status = Call(&Stub::WhoAmI, *stub, token, v1::WhoAmIRequest(), &response);
    if (!status.ok()) return FromGrpc(status);
    return response;
  }
  absl::Status StartError() {
    ServerOptions server;
    server.listen = "127.0.0.1:0";
    prometheus::Registry registry;
    return Gateway::Start(server, options_, clock_, registry).status();
  }
  int CountTokens() {
    const auto database = *Database::Open(options_.database, GatewayMigrations());
    int count = -1;
    EXPECT_TRUE(database
                    ->Read([&](soci::session& sql) {
                      sql << "SELECT COUNT(*) FROM tokens", soci::into(count);
                      return absl::OkStatus();
                    })
                    .ok());
    return count;
  }

  TestFolder folder_;
  FakeClock clock_;
  GatewayOptions options_;
};

TEST_P(FirstAdminTest, ItsTokenIsTheOneThatWasGiven) {
  const TestGateway gateway(options_, clock_);
  const auto who = WhoAmI(gateway, kToken);
  ASSERT_TRUE(who.ok()) << who.status();
  EXPECT_EQ(who->user().name(), "users/admin");
  EXPECT_THAT(who->roles(), ElementsAre("roles/admin"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "data/admin-token")) << "no other is made";
  EXPECT_EQ(CountTokens(), 1);
}

TEST_P(FirstAdminTest, LaterStartsChangeNothingWhateverTheFileHolds) {
  { const TestGateway first(options_, clock_); }
  const NewToken other = MakeToken();
  options_.first_admin_token_file = Write("first", other.text);
  ::testing::internal::CaptureStderr();
  const TestGateway second(options_, clock_);
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("the token in --first-admin-token-file is not valid"));
  EXPECT_THAT(log, Not(HasSubstr(other.text)));
  EXPECT_FALSE(WhoAmI(second, other.text).ok());
  EXPECT_TRUE(WhoAmI(second, kToken).ok());
  EXPECT_EQ(CountTokens(), 1);
  // Nor does it have to be there.
  for (const std::string& text : {std::string(), std::string("what is this")}) {
    options_.first_admin_token_file = Write("first", text);
    EXPECT_TRUE(WhoAmI(TestGateway(options_, clock_), kToken).ok());
  }
  options_.first_admin_token_file += "-that-is-gone";
  EXPECT_TRUE(WhoAmI(TestGateway(options_, clock_), kToken).ok());
}

TEST_P(FirstAdminTest, ARevokedTokenStaysRevokedAndADeletedAdminStaysGone) {
  {
    const TestGateway first(options_, clock_);
    auto stub = v1::IdentityService::NewStub(first.channel());
    // Another administrator takes over.
    v1::CreateUserRequest user;
    user.set_user_id("ann");
    v1::User made;
    ASSERT_TRUE(Call(&Stub::CreateUser, *stub, kToken, user, &made).ok());
    v1::CreateBindingRequest binding;
    binding.mutable_binding()->set_role("roles/admin");
    binding.mutable_binding()->set_member("users/ann");
    v1::Binding bound;
    ASSERT_TRUE(Call(&Stub::CreateBinding, *stub, kToken, binding, &bound).ok());
    v1::CreateTokenRequest token;
    token.set_parent("users/ann");
    v1::CreateTokenResponse secret;
    ASSERT_TRUE(Call(&Stub::CreateToken, *stub, kToken, token, &secret).ok());
    v1::DeleteUserRequest gone;
    gone.set_name("users/admin");
    google::protobuf::Empty empty;
    const grpc::Status deleted = Call(&Stub::DeleteUser, *stub, secret.secret(), gone, &empty);
    ASSERT_TRUE(deleted.ok()) << deleted.error_message();
  }
  const TestGateway second(options_, clock_);
  EXPECT_EQ(ReasonOf(WhoAmI(second, kToken).status()), v1::TOKEN_INVALID);
  EXPECT_EQ(CountTokens(), 1) << "ann's";
}

TEST_P(FirstAdminTest, ReplicasThatStartTogetherAgree) {
  { const auto database = *Database::Open(options_.database, GatewayMigrations()); }
  constexpr int kReplicas = 6;
  std::vector<absl::Status> answers(kReplicas);
  {
    Notifier start;
    std::vector<Task> replicas;
    for (int i = 0; i < kReplicas; ++i) {
      replicas.emplace_back("replica", [&, i] {
        const auto database = *Database::Open(options_.database, GatewayMigrations(), 2);
        start.Wait(0, absl::Seconds(30));
        answers[i] = EnsureFirstAdmin(*database, clock_, options_.first_admin_token_file);
      });
    }
    start.Notify();
  }
  for (const absl::Status& answer : answers) EXPECT_TRUE(answer.ok()) << answer;
  EXPECT_EQ(CountTokens(), 1);
  const TestGateway gateway(options_, clock_);
  EXPECT_TRUE(WhoAmI(gateway, kToken).ok());
}

TEST_P(FirstAdminTest, APlaceThatHadOneKeepsIt) {
  GatewayOptions before = options_;
  before.first_admin_token_file.clear();
  before.admin_token_file = folder_ / "token";
  std::string token;
  {
    const TestGateway first(before, clock_);
    token = first.admin_token();
  }
  const TestGateway second(options_, clock_);
  EXPECT_FALSE(WhoAmI(second, kToken).ok());
  EXPECT_TRUE(WhoAmI(second, token).ok());
}

TEST_P(FirstAdminTest, ABadFileIsOneClearErrorAndMakesNothing) {
  options_.first_admin_token_file = Write("first", "hunter2");
  EXPECT_THAT(std::string(StartError().message()),
              HasSubstr("--first-admin-token-file=" + (folder_ / "first") + " holds no token"));
  options_.first_admin_token_file = folder_ / "none";
  EXPECT_THAT(std::string(StartError().message()), HasSubstr("cannot be read"));
  options_.admin_token_file = folder_ / "token";
  EXPECT_THAT(std::string(StartError().message()), HasSubstr("give one of them"));
  EXPECT_EQ(CountTokens(), 0);
}

INSTANTIATE_TEST_SUITE_P(Engines, FirstAdminTest, ::testing::Values("Sqlite", "Postgres"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace stackyard::gateway
