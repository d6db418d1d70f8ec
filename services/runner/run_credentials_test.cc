#include "services/runner/run_credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "common/status.h"
#include "services/runner/file.h"
#include "services/runner/testing/files.h"
#include "services/runner/token_copies.h"

namespace stackyard::runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr char kAws[] = "registry.terraform.io/hashicorp/aws";
constexpr char kRandom[] = "registry.terraform.io/hashicorp/random";

class RunCredentialsTest : public testing::Test {
 protected:
  RunCredentialsTest() { site_.tokens = "/run/identity"; }

  v1::Credential& Add(const std::string& id) {
    v1::Credential& credential = *assignment_.add_credentials();
    credential.set_name("projects/web/credentials/" + id);
    return credential;
  }
  v1::Credential& AddKeys(const std::string& id, const std::string& key) {
    v1::Credential& credential = Add(id);
    (*credential.mutable_static_()->mutable_variables())["AWS_ACCESS_KEY_ID"] = key;
    (*credential.mutable_static_()->mutable_secret_variables())["AWS_SECRET_ACCESS_KEY"] =
        "secret-of-" + key;
    return credential;
  }
  RunCredentials Get(std::string_view source = "") {
    auto made = MakeRunCredentials(assignment_, source, site_);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? *std::move(made) : RunCredentials();
  }
  std::string Fault(std::string_view source = "") {
    const auto made = MakeRunCredentials(assignment_, source, site_);
    EXPECT_EQ(ReasonOf(made.status()), v1::RUN_FAILED);
    return std::string(made.status().message());
  }

  internal::v1::Assignment assignment_;
  CredentialSite site_;
};

TEST_F(RunCredentialsTest, WithoutCredentialsNobodyIsAnybody) {
  site_.identity = {"/var/token", "http://169.254.170.23/v1/credentials", "/var/pod"};
  const RunCredentials made = Get(kAws);
  EXPECT_THAT(made.environment, ElementsAre(Pair("AWS_EC2_METADATA_DISABLED", "true")));
  ASSERT_TRUE(made.aws_files.has_value());
  EXPECT_EQ(made.aws_files->config, "[default]\n");
  EXPECT_EQ(made.aws_files->credentials, "");
  EXPECT_THAT(made.tokens, IsEmpty());
}

TEST_F(RunCredentialsTest, KeysGoByFileToo) {
  auto& variables = *AddKeys("main", "AKIA1").mutable_static_()->mutable_variables();
  variables["AWS_DEFAULT_REGION"] = "eu-west-1";
  variables["AWS_REGION"] = "eu-central-1";
  variables["AWS_ENDPOINT_URL"] = "http://127.0.0.1:5000";
  variables["AWS_ENDPOINT_URL_S3"] = "http://127.0.0.1:5001";
  variables["GITHUB_OWNER"] = "acme";
  const RunCredentials made = Get(kAws);
  EXPECT_EQ(made.environment.at("AWS_SECRET_ACCESS_KEY"), "secret-of-AKIA1");
  EXPECT_EQ(made.environment.at("GITHUB_OWNER"), "acme");
  ASSERT_TRUE(made.aws_files.has_value());
  EXPECT_EQ(made.aws_files->config,
            "[default]\n"
            "endpoint_url = http://127.0.0.1:5000\n"
            "region = eu-central-1\n"
            "services = run\n"
            "\n[services run]\n"
            "s3 =\n  endpoint_url = http://127.0.0.1:5001\n");
  EXPECT_EQ(made.aws_files->credentials,
            "[default]\n"
            "aws_access_key_id = AKIA1\n"
            "aws_secret_access_key = secret-of-AKIA1\n");
}

TEST_F(RunCredentialsTest, WhatNoFileCanTellStaysEnvironment) {
  auto& variables = *AddKeys("main", "AKIA1").mutable_static_()->mutable_variables();
  EXPECT_TRUE(Get(kAws).aws_files.has_value());
  variables["AWS_CA_BUNDLE"] = "/etc/ca.pem";
  EXPECT_FALSE(Get(kAws).aws_files.has_value());
  variables.erase("AWS_CA_BUNDLE");
  variables["HTTPS_PROXY"] = "http://proxy";
  EXPECT_FALSE(Get(kAws).aws_files.has_value());
  variables.erase("HTTPS_PROXY");
  // What would read back as something else.
  for (const char* odd : {"a b", "a\n[profile x]", "\"a\"", "a;b", "a#b", "a'", "ä"}) {
    variables["AWS_REGION"] = odd;
    EXPECT_FALSE(Get(kAws).aws_files.has_value()) << odd;
  }
  EXPECT_FALSE(Get("registry.terraform.io/hashicorp/google").aws_files.has_value());
  EXPECT_FALSE(Get().aws_files.has_value());
}

TEST_F(RunCredentialsTest, AProcessStartsWithWhatIsPassedAndNoFileTells) {
  site_.passed = {{"HTTPS_PROXY", "http://proxy"},
                  {"AWS_ACCESS_KEY_ID", "AKIA0"},
                  {"AWS_ENDPOINT_URL", "http://x"},
                  {"AWS_CA_BUNDLE", "/ca"},
                  {"REGION", "here"}};
  EXPECT_THAT(
      ProcessEnvironment(site_.passed),
      UnorderedElementsAre(Pair("HTTPS_PROXY", "http://proxy"), Pair("AWS_CA_BUNDLE", "/ca"),
                           Pair("REGION", "here"), Pair("AWS_EC2_METADATA_DISABLED", "true")));
  const RunCredentials made = Get(kAws);
  ASSERT_TRUE(made.aws_files.has_value());
  EXPECT_THAT(made.aws_files->config, HasSubstr("endpoint_url = http://x\n"));
  EXPECT_THAT(made.aws_files->credentials, HasSubstr("aws_access_key_id = AKIA0\n"));
  // The process has another one already.
  (*Add("proxy").mutable_static_()->mutable_variables())["HTTPS_PROXY"] = "http://other";
  EXPECT_FALSE(Get(kAws).aws_files.has_value());
}

TEST_F(RunCredentialsTest, HalfOfAnIdentityIsNeverMixedWithAnother) {
  site_.passed = {{"AWS_ACCESS_KEY_ID", "AKIA0"},
                  {"AWS_SECRET_ACCESS_KEY", "passed"},
                  {"AWS_SESSION_TOKEN", "passed"},
                  {"AWS_PROFILE", "passed"},
                  {"AWS_REGION", "eu-west-1"}};
  AddKeys("main", "AKIA1");
  const RunCredentials made = Get(kAws);
  EXPECT_THAT(made.environment,
              UnorderedElementsAre(Pair("AWS_ACCESS_KEY_ID", "AKIA1"),
                                   Pair("AWS_SECRET_ACCESS_KEY", "secret-of-AKIA1"),
                                   Pair("AWS_REGION", "eu-west-1"),
                                   Pair("AWS_EC2_METADATA_DISABLED", "true")));
  // A process that was started with the passed profile is not the place for them.
  EXPECT_FALSE(made.aws_files.has_value());
}

TEST_F(RunCredentialsTest, ProvidersGetTheirOwn) {
  AddKeys("aws", "AKIA1").add_providers("hashicorp/aws");
  (*Add("all").mutable_static_()->mutable_variables())["TEAM"] = "web";
  EXPECT_EQ(Get(kAws).environment.count("AWS_ACCESS_KEY_ID"), 1);
  EXPECT_EQ(Get("registry.opentofu.org/hashicorp/aws").environment.count("AWS_ACCESS_KEY_ID"), 1);
  EXPECT_EQ(Get(kRandom).environment.count("AWS_ACCESS_KEY_ID"), 0);
  EXPECT_EQ(Get("example.com/hashicorp/aws").environment.count("AWS_ACCESS_KEY_ID"), 0);
  EXPECT_EQ(Get(kRandom).environment.at("TEAM"), "web");
  // Terraform itself gets what its providers are to inherit.
  EXPECT_EQ(Get().environment.count("AWS_ACCESS_KEY_ID"), 0);
  site_.providers = {kRandom};
  EXPECT_EQ(Get().environment.count("AWS_ACCESS_KEY_ID"), 0);
  site_.providers = {kRandom, kAws};
  EXPECT_EQ(Get().environment.count("AWS_ACCESS_KEY_ID"), 1);
}

TEST_F(RunCredentialsTest, TwoThatContradictEachOtherAreToldApart) {
  AddKeys("one", "AKIA1").add_providers("hashicorp/aws");
  AddKeys("two", "AKIA2").add_providers("hashicorp/awscc");
  EXPECT_EQ(Get("hashicorp/aws").environment.at("AWS_ACCESS_KEY_ID"), "AKIA1");
  EXPECT_EQ(Get("hashicorp/awscc").environment.at("AWS_ACCESS_KEY_ID"), "AKIA2");
  // One environment cannot hold both.
  site_.providers = {"hashicorp/aws", "hashicorp/awscc"};
  const std::string fault = Fault();
  EXPECT_THAT(fault, HasSubstr("projects/web/credentials/one and projects/web/credentials/two"));
  EXPECT_THAT(fault, Not(HasSubstr("AKIA")));
}

TEST_F(RunCredentialsTest, AWebIdentityIsACopyOfTheRunnersToken) {
  v1::WebIdentity& role = *Add("role").mutable_web_identity();
  role.set_role_arn("arn:aws:iam::123456789012:role/web");
  role.set_region("eu-west-1");
  EXPECT_THAT(Fault(), HasSubstr("role needs a web identity token, and the runner has none"));
  site_.identity.web_identity_token_file = "/var/token";
  const RunCredentials made = Get(kAws);
  EXPECT_THAT(made.tokens, ElementsAre(TokenCopy{"/var/token", "/run/identity/web-identity"}));
  EXPECT_EQ(made.environment.at("AWS_WEB_IDENTITY_TOKEN_FILE"), "/run/identity/web-identity");
  ASSERT_TRUE(made.aws_files.has_value());
  EXPECT_EQ(made.aws_files->config,
            "[default]\n"
            "region = eu-west-1\n"
            "role_arn = arn:aws:iam::123456789012:role/web\n"
            "role_session_name = stackyard\n"
            "web_identity_token_file = /run/identity/web-identity\n");
}

TEST_F(RunCredentialsTest, APodIdentityNeedsTheEnvironment) {
  Add("pod").mutable_pod_identity();
  EXPECT_THAT(Fault(), HasSubstr("needs a pod identity"));
  site_.identity = {"", "http://169.254.170.23/v1/credentials", "/var/pod"};
  const RunCredentials made = Get(kAws);
  EXPECT_EQ(made.environment.at("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
            "http://169.254.170.23/v1/credentials");
  EXPECT_EQ(made.environment.at("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
            "/run/identity/pod-identity");
  EXPECT_THAT(made.tokens, ElementsAre(TokenCopy{"/var/pod", "/run/identity/pod-identity"}));
  EXPECT_FALSE(made.aws_files.has_value());
}

TEST_F(RunCredentialsTest, FingerprintsAreEqualForEqualCredentialsOnly) {
  site_.identity.web_identity_token_file = "/var/token";
  const std::string none = Get().fingerprint;
  v1::Credential& role = Add("role");
  role.mutable_web_identity()->set_role_arn("arn:aws:iam::123456789012:role/web");
  const std::string before = Get().fingerprint;
  site_.tokens = "/other/run";
  EXPECT_EQ(Get().fingerprint, before);
  role.mutable_web_identity()->set_role_arn("arn:aws:iam::123456789012:role/wed");
  EXPECT_NE(Get().fingerprint, before);
  EXPECT_NE(before, none);
  assignment_.clear_credentials();
  (*Add("a").mutable_static_()->mutable_variables())["A"] = "1:B";
  const std::string one = Get().fingerprint;
  assignment_.clear_credentials();
  auto& two = *Add("a").mutable_static_()->mutable_variables();
  two["A"] = "1";
  two["B"] = "";
  EXPECT_NE(Get().fingerprint, one);
}

TEST_F(RunCredentialsTest, TheLockFileTellsTheProviders) {
  EXPECT_THAT(LockedProviders("# made by terraform\n\n"
                              "provider \"registry.terraform.io/hashicorp/aws\" {\n"
                              "  version = \"5.100.0\"\n  hashes = [\n    \"h1:x\",\n  ]\n}\n\n"
                              "provider \"example.com/a/b\" {\n}\n"),
              ElementsAre(kAws, "example.com/a/b"));
  EXPECT_THAT(LockedProviders(""), IsEmpty());
}

class TokenCopiesTest : public testing::Test {
 protected:
  TokenCopiesTest() {
    EXPECT_TRUE(MakeFolder(folder_.path() + "/run").ok());
    EXPECT_TRUE(WriteFile(token_.from, "first").ok());
  }
  std::string Copied() const { return ReadFile(token_.to).value_or("nothing"); }

  TempFolder folder_;
  const TokenCopy token_{folder_.path() + "/token", folder_.path() + "/run/token"};
};

TEST_F(TokenCopiesTest, FollowTheirOriginal) {
  const auto copies = TokenCopies::Start({token_});
  ASSERT_TRUE(copies.ok()) << copies.status();
  EXPECT_EQ(Copied(), "first");
  struct stat info = {};
  ASSERT_EQ(stat(token_.to.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0400u);
  ASSERT_TRUE(WriteFile(token_.from, "second").ok());
  (*copies)->Refresh();
  EXPECT_EQ(Copied(), "second");
  // An old copy is better than none.
  std::filesystem::remove(token_.from);
  (*copies)->Refresh();
  EXPECT_EQ(Copied(), "second");
}

TEST_F(TokenCopiesTest, NeedTheTokenAtFirst) {
  std::filesystem::remove(token_.from);
  const auto copies = TokenCopies::Start({token_});
  EXPECT_EQ(ReasonOf(copies.status()), v1::RUN_FAILED);
  EXPECT_EQ(Copied(), "nothing");
}

TEST_F(TokenCopiesTest, ARunCannotLeadThemElsewhere) {
  const auto copies = TokenCopies::Start({token_});
  ASSERT_TRUE(copies.ok());
  const std::string victim = folder_.path() + "/victim";
  ASSERT_TRUE(WriteFile(victim, "untouched").ok());
  // What a run can do to its folder: links in place of the copy, of the new one, of the folder.
  ASSERT_EQ(symlink(victim.c_str(), (token_.to + ".new").c_str()), 0);
  std::filesystem::remove(token_.to);
  ASSERT_EQ(symlink(victim.c_str(), token_.to.c_str()), 0);
  (*copies)->Refresh();
  EXPECT_EQ(ReadFile(victim).value_or(""), "untouched");
  EXPECT_EQ(Copied(), "first");
  std::filesystem::rename(folder_.path() + "/run", folder_.path() + "/moved");
  ASSERT_TRUE(MakeFolder(folder_.path() + "/other").ok());
  ASSERT_EQ(symlink((folder_.path() + "/other").c_str(), (folder_.path() + "/run").c_str()), 0);
  (*copies)->Refresh();
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() + "/other"));
}

TEST_F(TokenCopiesTest, BelongToWhomTheFolderBelongs) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(chown((folder_.path() + "/run").c_str(), 12345, 12346), 0);
  const auto copies = TokenCopies::Start({token_});
  ASSERT_TRUE(copies.ok());
  struct stat info = {};
  ASSERT_EQ(stat(token_.to.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 12345u);
  EXPECT_EQ(info.st_gid, 12346u);
}

}  // namespace
}  // namespace stackyard::runner
