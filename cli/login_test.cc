// Logins and contexts: whole command lines against a fake service and a provider that plays a part.
#include <sys/stat.h>

#include <deque>
#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "cli/config.h"
#include "cli/fake_server.h"
#include "cli/login_store.h"
#include "cli/oidc.h"

namespace stackyard::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kIssuer[] = "https://id.example.com";

std::string IdToken(absl::Time end, const std::string& mark) {
  const std::string claims = absl::StrCat(R"({"exp":)", absl::ToUnixSeconds(end), "}");
  return absl::StrCat("e30.", absl::WebSafeBase64Escape(claims), ".", mark);
}

class LoginTest : public CommandsTest {
 protected:
  void SetUp() override {
    CommandsTest::SetUp();
    endpoint_ = variables_.at("STACKYARD_ENDPOINT");
    variables_.clear();
    variables_["XDG_CONFIG_HOME"] = directory_;
    auto* provider = identity_.providers.add_identity_providers();
    provider->set_issuer(kIssuer);
    provider->set_client_id("stackyard-cli");
    for (const char* scope : {"openid", "offline_access"}) provider->add_scopes(scope);
    http_ = [this](const HttpCall& call) -> absl::StatusOr<HttpAnswer> { return Provider(call); };
    pause_ = [this](absl::Duration pause) { pauses_.push_back(absl::ToInt64Seconds(pause)); };
  }

  absl::StatusOr<HttpAnswer> Provider(const HttpCall& call) {
    asked_.push_back(call.url + " " + call.form);
    if (absl::EndsWith(call.url, "/.well-known/openid-configuration")) {
      return HttpAnswer{200, absl::StrCat(R"({"issuer":")", issuer_, R"(","token_endpoint":")",
                                          kIssuer, R"(/token","device_authorization_endpoint":")",
                                          kIssuer, R"(/device"})")};
    }
    if (absl::EndsWith(call.url, "/device")) {
      return HttpAnswer{200, R"({"device_code":"d3v1ce","user_code":"ABCD-EFGH",
        "verification_uri":"https://id.example.com/activate",
        "verification_uri_complete":"https://id.example.com/activate?code=ABCD-EFGH",
        "expires_in":600,"interval":3})"};
    }
    if (answers_.empty()) return HttpAnswer{500, "{}"};
    const absl::StatusOr<HttpAnswer> answer = answers_.front();
    answers_.pop_front();
    return answer;
  }

  HttpAnswer Refused(const std::string& error) {
    return {400, absl::StrCat(R"({"error":")", error, R"("})")};
  }
  HttpAnswer Tokens(const std::string& id_token, const std::string& refresh_token) {
    return {200, absl::StrCat(R"({"id_token":")", id_token, R"(","refresh_token":")", refresh_token,
                              R"("})")};
  }

  std::string CredentialsOf(const std::string& context) {
    return absl::StrCat(directory_, "/stackyard/credentials/", context, ".json");
  }
  std::string Text(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

  std::string endpoint_;
  std::string issuer_ = kIssuer;
  std::vector<std::string> asked_;
  std::deque<absl::StatusOr<HttpAnswer>> answers_;
  std::vector<int64_t> pauses_;
};

TEST_F(LoginTest, ByABrowserElsewhere) {
  const std::string id_token = IdToken(absl::Now() + absl::Hours(1), "first");
  answers_ = {Refused("authorization_pending"), Refused("slow_down"),
              absl::UnavailableError("a cable was pulled"), Tokens(id_token, "r3fresh")};
  const Result result = Run({"login", "--server", endpoint_, "--name", "lab", "-p", "web"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("https://id.example.com/activate\n"));
  EXPECT_THAT(result.err, HasSubstr("ABCD-EFGH"));
  EXPECT_THAT(result.out, HasSubstr("as users/ann"));
  // As slowly as it was told to: 3 s, then 5 more, then twice as long after a broken connection.
  EXPECT_THAT(pauses_, ElementsAre(3, 3, 8, 16));
  EXPECT_THAT(asked_.back(), HasSubstr("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3A"
                                       "device_code&device_code=d3v1ce&client_id=stackyard-cli"));
  EXPECT_EQ(identity_.authorization, "Bearer " + id_token);

  struct stat info = {};
  ASSERT_EQ(stat(CredentialsOf("lab").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(stat((directory_ + "/stackyard/credentials").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  const std::string config = Text(directory_ + "/stackyard/config.yaml");
  EXPECT_THAT(config, HasSubstr("current-context: lab"));
  EXPECT_THAT(config, Not(HasSubstr("r3fresh")));
  EXPECT_THAT(config, Not(HasSubstr(id_token)));

  // From now on it is what is used.
  EXPECT_EQ(Run({"stacks", "create", "web", "-t", "hello"}).code, 0);
  EXPECT_EQ(stacks_.authorization, "Bearer " + id_token);
  EXPECT_EQ(stacks_.created.parent(), "projects/web");
}

TEST_F(LoginTest, WhatCannotComeAboutChangesNothing) {
  const auto refused = [&](int code, const std::string& message) {
    const Result result = Run({"login", "--server", endpoint_});
    EXPECT_EQ(result.code, code) << result.err;
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_FALSE(std::filesystem::exists(directory_ + "/stackyard/config.yaml"));
    EXPECT_FALSE(std::filesystem::exists(CredentialsOf("local")));
  };
  answers_ = {Refused("access_denied")};
  refused(4, "denied in the browser");
  answers_ = {Refused("authorization_pending"), Refused("expired_token")};
  refused(7, "has expired");
  answers_ = {Refused("unauthorized_client")};
  refused(6, "unauthorized_client");
  answers_ = {HttpAnswer{200, R"({"access_token":"a"})"}};
  refused(6, "no ID token");
  answers_ = {Tokens(IdToken(absl::Now() + absl::Hours(1), "x"), "r")};
  identity_.refusal = Error(v1::TOKEN_INVALID, "nobody of ours");
  refused(4, "nobody of ours");
  issuer_ = "https://elsewhere.example.com";
  refused(6, "calls itself https://elsewhere.example.com");
  identity_.providers.Clear();
  refused(6, "--token-stdin");
}

TEST_F(LoginTest, CtrlCGivesUp) {
  answers_ = {Refused("authorization_pending")};
  pause_ = [this](absl::Duration) { interrupted_ = true; };
  const Result result = Run({"login", "--server", endpoint_});
  EXPECT_EQ(result.code, 130);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/stackyard/config.yaml"));
}

TEST_F(LoginTest, ByAToken) {
  input_ = "s3cr3t\n";
  const Result piped = Run({"login", "--server", endpoint_, "--token-stdin"});
  EXPECT_EQ(piped.code, 0) << piped.err;
  EXPECT_THAT(piped.out, HasSubstr("Context local is in use."));
  EXPECT_EQ(identity_.authorization, "Bearer s3cr3t");
  EXPECT_TRUE(asked_.empty()) << "no provider is needed";
  std::ofstream(directory_ + "/token") << "other\n";
  EXPECT_EQ(Run({"login", "--server", "local", "--token-file", directory_ + "/token"}).code, 0);
  EXPECT_EQ(Run({"whoami"}).code, 0);
  EXPECT_EQ(identity_.authorization, "Bearer other");
  input_ = "\n";
  EXPECT_EQ(Run({"login", "--token-stdin"}).code, 2) << "an empty token";
  EXPECT_EQ(Run({"whoami"}).code, 0);
  EXPECT_EQ(identity_.authorization, "Bearer other") << "the old one stays";
  EXPECT_EQ(Run({"logout"}).code, 0);
  EXPECT_FALSE(std::filesystem::exists(CredentialsOf("local")));
  Run({"whoami"});
  EXPECT_EQ(identity_.authorization, "");
}

TEST_F(LoginTest, AnotherServerOfThisMachineHasAContextOfItsOwn) {
  ASSERT_EQ(Run({"contexts", "set", "local", "--endpoint", "127.0.0.1:1"}).code, 0);
  std::filesystem::create_directories(directory_ + "/stackyard/credentials");
  std::ofstream(CredentialsOf("local")) << R"({"token": "first"})";
  input_ = "s3cr3t\n";
  const Result result = Run({"login", "--server", endpoint_, "--token-stdin"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Context local-2 is in use."));
  EXPECT_THAT(Text(CredentialsOf("local")), HasSubstr("first"));
  EXPECT_THAT(Run({"contexts", "list"}).out, HasSubstr("127.0.0.1:1"));
  // Who asks for the name gets it, with the new server alone.
  input_ = "s3cr3t\n";
  EXPECT_EQ(Run({"login", "--server", endpoint_, "--name", "local", "--token-stdin"}).code, 0);
  EXPECT_THAT(Text(CredentialsOf("local")), Not(HasSubstr("first")));
  EXPECT_THAT(Run({"contexts", "list"}).out, Not(HasSubstr("127.0.0.1:1")));
}

TEST_F(LoginTest, RefreshesSilentlyNearTheEnd) {
  answers_ = {Tokens(IdToken(absl::Now() + absl::Seconds(30), "first"), "one")};
  ASSERT_EQ(Run({"login", "--server", endpoint_}).code, 0);
  const std::string second = IdToken(absl::Now() + absl::Hours(1), "second");
  answers_ = {Tokens(second, "two")};
  const Result result = Run({"whoami"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(identity_.authorization, "Bearer " + second);
  EXPECT_THAT(asked_.back(), HasSubstr("grant_type=refresh_token&refresh_token=one"));
  // A refresh token is worth one use: the new one is kept.
  EXPECT_THAT(Text(CredentialsOf("local")), HasSubstr("\"two\""));
  const size_t asked = asked_.size();
  EXPECT_EQ(Run({"whoami"}).code, 0);
  EXPECT_EQ(asked_.size(), asked) << "it is good for an hour";
}

TEST_F(LoginTest, WhatHasExpiredIsToldWithWhatToDo) {
  answers_ = {Tokens(IdToken(absl::Now() - absl::Seconds(1), "first"), "one")};
  ASSERT_EQ(Run({"login", "--server", endpoint_}).code, 0);
  answers_ = {Refused("invalid_grant")};
  const Result result = Run({"whoami"});
  EXPECT_EQ(result.code, 4);
  EXPECT_THAT(result.err, HasSubstr("run: stackyard login"));
  // A provider that is away is another matter.
  answers_ = {absl::UnavailableError("no route")};
  EXPECT_EQ(Run({"whoami"}).code, 7);
  // While the ID token is good it is used all the same.
  const Environment environment{
      .out = std::cout,
      .err = std::cerr,
      .variable = [&](const std::string& name) -> std::optional<std::string> {
        if (name == "XDG_CONFIG_HOME") return directory_;
        return std::nullopt;
      },
      .clock = clock_,
  };
  const LoginStore store(environment);
  Login login = **store.Read("local");
  login.id_token = IdToken(absl::Now() + absl::Seconds(30), "still");
  ASSERT_TRUE(store.Write("local", login).ok());
  answers_ = {absl::UnavailableError("no route")};
  EXPECT_EQ(Run({"whoami"}).code, 0);
  EXPECT_EQ(identity_.authorization, "Bearer " + login.id_token);
}

TEST_F(LoginTest, ContextsAreKept) {
  EXPECT_EQ(Run({"contexts", "set", "lab", "--endpoint", endpoint_, "-p", "web"}).code, 0);
  EXPECT_EQ(Run({"contexts", "set", "prod", "--endpoint", "https://prod.example.com"}).code, 0);
  EXPECT_THAT(Run({"contexts", "list"}).out, HasSubstr("*   lab    " + endpoint_));
  EXPECT_EQ(Run({"contexts", "list", "-o", "name"}).out, "lab\nprod\n");
  EXPECT_EQ(Run({"contexts", "use", "prod"}).code, 0);
  EXPECT_EQ(Run({"contexts", "rename", "prod", "live"}).code, 0);
  EXPECT_THAT(Run({"contexts", "show"}).out, HasSubstr("https://prod.example.com"));
  EXPECT_EQ(Run({"contexts", "rename", "live", "lab"}).code, 6) << "the name is taken";
  const Result missing = Run({"contexts", "use", "lb"});
  EXPECT_EQ(missing.code, 3);
  EXPECT_THAT(missing.err, HasSubstr("did you mean \"lab\"?"));
  EXPECT_EQ(Run({"stacks", "list", "--context", "nope"}).code, 3);
  EXPECT_EQ(Run({"contexts", "delete", "live"}).code, 0);
  EXPECT_EQ(Run({"contexts", "list", "-o", "name"}).out, "lab\n");
  EXPECT_EQ(Run({"contexts", "set", "bad/name", "--endpoint", endpoint_}).code, 2);
  EXPECT_EQ(Run({"contexts", "set", "far", "--endpoint", "http://far.example.com"}).code, 2)
      << "in clear over the network";
}

TEST_F(LoginTest, FlagsWinOverTheEnvironmentAndThatOverTheContext) {
  ASSERT_EQ(Run({"contexts", "set", "lab", "--endpoint", endpoint_, "-p", "of-context"}).code, 0);
  const auto project = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"stacks", "create", "web", "-t", "hello"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    EXPECT_EQ(Run(arguments).code, 0);
    return stacks_.created.parent();
  };
  EXPECT_EQ(project({}), "projects/of-context");
  variables_["STACKYARD_PROJECT"] = "of-environment";
  EXPECT_EQ(project({}), "projects/of-environment");
  EXPECT_EQ(project({"-p", "of-flag"}), "projects/of-flag");
  const std::string shown = Run({"contexts", "show", "-p", "of-flag"}).out;
  EXPECT_THAT(shown, HasSubstr("of-flag"));
  EXPECT_THAT(shown, HasSubstr("--project"));
  EXPECT_THAT(shown, HasSubstr("context lab"));
}

TEST_F(LoginTest, ALoginGoesToItsOwnServerAlone) {
  input_ = "s3cr3t\n";
  ASSERT_EQ(Run({"login", "--server", endpoint_, "--token-stdin"}).code, 0);
  ASSERT_EQ(Run({"whoami"}).code, 0);
  EXPECT_EQ(identity_.authorization, "Bearer s3cr3t");
  // The same server by another name is another server.
  const std::string other = "localhost" + endpoint_.substr(endpoint_.find(':'));
  Run({"whoami", "--endpoint", other});
  EXPECT_EQ(identity_.authorization, "");
  // A context that is pointed elsewhere forgets its login.
  EXPECT_EQ(Run({"contexts", "set", "local", "--endpoint", other}).code, 0);
  Run({"whoami"});
  EXPECT_EQ(identity_.authorization, "");
}

TEST_F(LoginTest, ABrokenFileIsNamedWithItsLine) {
  std::filesystem::create_directories(directory_ + "/stackyard");
  std::ofstream(directory_ + "/stackyard/config.yaml")
      << "contexts:\n- name: a\n  endpont: https://b\n";
  const Result result = Run({"stacks", "list"});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.err,
              HasSubstr("config.yaml:3: unknown key \"endpont\"; did you mean \"endpoint\"?"));
  EXPECT_EQ(Run({"contexts", "set", "b", "--endpoint", endpoint_}).code, 2);
  EXPECT_THAT(Text(directory_ + "/stackyard/config.yaml"), HasSubstr("endpont"))
      << "nothing is lost";
  EXPECT_EQ(Run({"version"}).code, 0);
}

}  // namespace
}  // namespace stackyard::cli
