#include "services/stacks/credential_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace stackyard::stacks {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using v1::Credential;

std::string Faults(const Credential& credential) {
  Violations violations;
  CheckCredential(credential, violations);
  return std::string(violations.ToStatus().message());
}

Credential Keys() {
  Credential credential;
  (*credential.mutable_static_()->mutable_variables())["AWS_ACCESS_KEY_ID"] = "AKIA";
  (*credential.mutable_static_()->mutable_secret_variables())["AWS_SECRET_ACCESS_KEY"] = "hush";
  return credential;
}

Credential Variable(const std::string& name, const std::string& value = "x") {
  Credential credential;
  (*credential.mutable_static_()->mutable_variables())[name] = value;
  return credential;
}

std::string Together(const Credential& one, const Credential& other) {
  Violations violations;
  CheckTogether(one, other, violations);
  return std::string(violations.ToStatus().message());
}

TEST(CredentialRulesTest, GoodOnesPass) {
  EXPECT_EQ(Faults(Keys()), "");
  Credential role;
  role.mutable_web_identity()->set_role_arn("arn:aws:iam::123456789012:role/team/Web-Deploy");
  EXPECT_EQ(Faults(role), "");
  role.mutable_web_identity()->set_role_arn("arn:aws-us-gov:iam::123456789012:role/x");
  role.mutable_web_identity()->set_region("us-gov-east-1");
  role.add_providers("registry.terraform.io/hashicorp/aws");
  role.add_providers("hashicorp/awscc");
  role.add_providers("mirror.example.com:8443/acme/cloud");
  EXPECT_EQ(Faults(role), "");
  Credential pod;
  pod.mutable_pod_identity();
  EXPECT_EQ(Faults(pod), "");
  for (const char* name : {"GOOGLE_PROJECT", "GITHUB_OWNER", "AWS_REGION", "AWS_ENDPOINT_URL_S3",
                           "ARM_TENANT_ID", "HTTPS_PROXY", "OAUTH_TOKEN_URL", "KEY_NAME"}) {
    EXPECT_EQ(Faults(Variable(name)), "") << name;
  }
}

TEST(CredentialRulesTest, NothingThatChangesHowProgramsRun) {
  for (const char* name : {"PATH",
                           "HOME",
                           "TMPDIR",
                           "LD_PRELOAD",
                           "LD_LIBRARY_PATH",
                           "TF_CLI_ARGS",
                           "TF_VAR_x",
                           "TF_LOG",
                           "TF_REATTACH_PROVIDERS",
                           "GOGC",
                           "GODEBUG",
                           "GOTRACEBACK",
                           "GOMEMLIMIT",
                           "GIT_SSH_COMMAND",
                           "BASH_ENV",
                           "PYTHONPATH",
                           "NODE_OPTIONS",
                           "STACKYARD_DATA",
                           "PLUGIN_UNIX_SOCKET_DIR",
                           "GCONV_PATH",
                           "CHECKPOINT_DISABLE"}) {
    EXPECT_THAT(Faults(Variable(name)),
                AllOf(HasSubstr(absl::StrCat("credential.static.variables.", name)),
                      HasSubstr("changes how programs run")))
        << name;
  }
}

TEST(CredentialRulesTest, NobodyBecomesTheRunner) {
  for (const char* name :
       {"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE"}) {
    EXPECT_THAT(Faults(Variable(name)), HasSubstr("is set by the runner")) << name;
    Credential secret;
    (*secret.mutable_static_()->mutable_secret_variables())[name] = "x";
    EXPECT_THAT(Faults(secret), HasSubstr("is set by the runner")) << name;
  }
}

TEST(CredentialRulesTest, WhatIsNamedLikeASecretIsOne) {
  for (const char* name : {"GITHUB_TOKEN", "ARM_CLIENT_SECRET", "PGPASSWORD_X_PASSWORD", "TOKEN",
                           "DATADOG_API_KEY", "SSH_PRIVATE_KEY", "OS_ACCESS_KEY"}) {
    EXPECT_THAT(Faults(Variable(name)), HasSubstr("set it in secret_variables")) << name;
  }
}

TEST(CredentialRulesTest, AllFaultsAtOnceAndNoSecretInThem) {
  Credential credential;
  credential.set_display_name(std::string(101, 'x'));
  auto& secrets = *credential.mutable_static_()->mutable_secret_variables();
  secrets["AWS_SECRET_ACCESS_KEY"] = "hush-hush";
  secrets["wrong=hush-hush"] = "x";
  secrets["EMPTY"] = "";
  secrets["LONG"] = std::string((32 << 10) + 1, 'h');
  secrets["ZERO"] = std::string("hush\0hush", 9);
  secrets["BOTH"] = "hush-hush";
  auto& variables = *credential.mutable_static_()->mutable_variables();
  variables["BOTH"] = "hush-hush";
  variables[std::string(129, 'A')] = "hush-hush";
  credential.add_providers("not a source");
  credential.add_providers("hashicorp/aws");
  credential.add_providers("hashicorp/aws");
  const std::string faults = Faults(credential);
  for (const char* part :
       {"credential.display_name", "credential.static.secret_variables: a name must be",
        "secret_variables.EMPTY: must not be empty", "secret_variables.LONG: must have at most",
        "secret_variables.ZERO: must not hold a zero byte",
        "secret_variables.BOTH: is in variables", "credential.static.variables: a name must be",
        "go together", "no provider like", "hashicorp/aws is there twice"}) {
    EXPECT_THAT(faults, HasSubstr(part));
  }
  EXPECT_THAT(faults, Not(HasSubstr("hush")));
}

TEST(CredentialRulesTest, KindsAndTheirFields) {
  EXPECT_THAT(Faults(Credential()), HasSubstr("credential.kind: must be static"));
  Credential empty;
  empty.mutable_static_();
  EXPECT_THAT(Faults(empty), HasSubstr("must set at least one variable"));
  for (const char* arn : {"", "web", "arn:aws:iam::12:role/x", "arn:aws:iam::123456789012:user/x",
                          "arn:aws:iam::123456789012:role/x y"}) {
    Credential role;
    role.mutable_web_identity()->set_role_arn(arn);
    EXPECT_THAT(Faults(role), HasSubstr("credential.web_identity.role_arn")) << arn;
  }
  Credential pod;
  pod.mutable_pod_identity()->set_region("Frankfurt");
  EXPECT_THAT(Faults(pod), HasSubstr("credential.pod_identity.region"));
  Credential many;
  for (int i = 0; i < 65; ++i) {
    (*many.mutable_static_()->mutable_variables())[absl::StrCat("V", i)] = "x";
  }
  EXPECT_THAT(Faults(many), HasSubstr("at most 64 variables"));
}

TEST(CredentialRulesTest, TwoMustNotSetTheSameForOneProvider) {
  Credential other = Keys();
  other.set_name("projects/web/credentials/other");
  EXPECT_THAT(Together(Keys(), other), HasSubstr("other sets the identity for AWS"));
  Credential role;
  role.mutable_web_identity()->set_role_arn("arn:aws:iam::123456789012:role/x");
  EXPECT_THAT(Together(role, other), HasSubstr("the identity for AWS"));
  // As it lies in the rows.
  other.mutable_static_()->clear_secret_variables();
  other.mutable_static_()->clear_variables();
  other.mutable_static_()->add_secret_variable_names("GITHUB_TOKEN");
  Credential token;
  (*token.mutable_static_()->mutable_secret_variables())["GITHUB_TOKEN"] = "hush";
  EXPECT_THAT(Together(token, other), AllOf(HasSubstr("GITHUB_TOKEN"), Not(HasSubstr("hush"))));
  EXPECT_EQ(Together(Variable("TEAM"), other), "");
  role.mutable_web_identity()->set_region("eu-west-1");
  EXPECT_THAT(Together(role, Variable("AWS_REGION")), HasSubstr("AWS_REGION"));
  // For other providers it is no contradiction.
  token.add_providers("integrations/github");
  EXPECT_THAT(Together(token, other), HasSubstr("GITHUB_TOKEN"));
  other.add_providers("acme/github");
  EXPECT_EQ(Together(token, other), "");
  other.add_providers("registry.terraform.io/integrations/github");
  EXPECT_THAT(Together(token, other), HasSubstr("GITHUB_TOKEN"));
}

}  // namespace
}  // namespace stackyard::stacks
