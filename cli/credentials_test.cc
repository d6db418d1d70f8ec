// `stackyard credentials` against a fake service.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "cli/app.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "stackyard/v1/credentials.grpc.pb.h"

namespace stackyard::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using v1::Credential;

Credential Keys() {
  Credential credential;
  credential.set_name("projects/p/credentials/main");
  credential.set_etag("e1");
  v1::StaticCredential& keys = *credential.mutable_static_();
  (*keys.mutable_variables())["AWS_REGION"] = "eu-west-1";
  keys.add_secret_variable_names("AWS_ACCESS_KEY_ID");
  keys.add_secret_variable_names("AWS_SECRET_ACCESS_KEY");
  return credential;
}

class FakeCredentials : public v1::CredentialService::Service {
 public:
  grpc::Status CreateCredential(grpc::ServerContext*, const v1::CreateCredentialRequest* request,
                                Credential* response) override {
    created = *request;
    *response = Keys();
    return grpc::Status::OK;
  }
  grpc::Status GetCredential(grpc::ServerContext*, const v1::GetCredentialRequest* request,
                             Credential* response) override {
    if (request->name() != Keys().name()) return ToGrpc(NotFound(request->name()));
    *response = Keys();
    return grpc::Status::OK;
  }
  grpc::Status ListCredentials(grpc::ServerContext*, const v1::ListCredentialsRequest*,
                               v1::ListCredentialsResponse* response) override {
    *response->add_credentials() = Keys();
    Credential& role = *response->add_credentials();
    role.set_name("projects/p/credentials/role");
    role.mutable_web_identity()->set_role_arn("arn:aws:iam::123456789012:role/web");
    role.add_providers("hashicorp/aws");
    return grpc::Status::OK;
  }
  grpc::Status UpdateCredential(grpc::ServerContext*, const v1::UpdateCredentialRequest* request,
                                Credential* response) override {
    updated = *request;
    *response = Keys();
    return grpc::Status::OK;
  }
  grpc::Status DeleteCredential(grpc::ServerContext*, const v1::DeleteCredentialRequest* request,
                                google::protobuf::Empty*) override {
    deleted = request->name();
    return grpc::Status::OK;
  }

  v1::CreateCredentialRequest created;
  v1::UpdateCredentialRequest updated;
  std::string deleted;
};

struct Result {
  int code;
  std::string out, err;
};

class CredentialCommandsTest : public ::testing::Test {
 protected:
  CredentialCommandsTest() {
    char pattern[] = "/tmp/credentials_test.XXXXXX";
    directory_ = mkdtemp(pattern);
    secret_file_ = directory_ + "/secret";
    std::ofstream(secret_file_) << "from-a-file\n";
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    endpoint_ = absl::StrCat("127.0.0.1:", port);
  }
  ~CredentialCommandsTest() override {
    server_->Shutdown();
    std::filesystem::remove_all(directory_);
  }

  Result Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "credentials");
    arguments.insert(arguments.end(), {"--endpoint", endpoint_, "--token", "t0ken", "-p", "p"});
    std::ostringstream out, err;
    const Environment environment{
        .out = out,
        .err = err,
        .variable = [](const std::string& name) -> std::optional<std::string> {
          if (name == "AWS_ACCESS_KEY_ID") return "from-here";
          return std::nullopt;
        },
        .clock = clock_,
    };
    const int code = RunApp(arguments, environment);
    return {code, out.str(), err.str()};
  }

  FakeCredentials service_;
  std::unique_ptr<grpc::Server> server_;
  std::string endpoint_, directory_, secret_file_;
  FakeClock clock_;
};

TEST_F(CredentialCommandsTest, SecretsComeFromTheEnvironmentAndFiles) {
  const Result result =
      Run({"create", "static", "main", "--var", "AWS_REGION=eu-west-1=x", "--from-env",
           "AWS_ACCESS_KEY_ID", "--secret-file", "AWS_SECRET_ACCESS_KEY=" + secret_file_,
           "--provider", "hashicorp/aws", "--name", "Main"});
  ASSERT_EQ(result.code, 0) << result.err;
  const Credential& sent = service_.created.credential();
  EXPECT_EQ(service_.created.parent(), "projects/p");
  EXPECT_EQ(service_.created.credential_id(), "main");
  EXPECT_EQ(sent.display_name(), "Main");
  EXPECT_THAT(sent.providers(), ElementsAre("hashicorp/aws"));
  EXPECT_THAT(sent.static_().variables(), UnorderedElementsAre(Pair("AWS_REGION", "eu-west-1=x")));
  EXPECT_THAT(sent.static_().secret_variables(),
              UnorderedElementsAre(Pair("AWS_ACCESS_KEY_ID", "from-here"),
                                   Pair("AWS_SECRET_ACCESS_KEY", "from-a-file")));
  EXPECT_THAT(result.out, HasSubstr("AWS_SECRET_ACCESS_KEY=(secret)"));
  EXPECT_THAT(result.out + result.err, Not(HasSubstr("from-")));
}

TEST_F(CredentialCommandsTest, IdentitiesNeedNoKeys) {
  ASSERT_EQ(
      Run({"create", "web-identity", "role", "--role-arn", "arn:x", "--region", "eu-west-1"}).code,
      0);
  EXPECT_EQ(service_.created.credential().web_identity().role_arn(), "arn:x");
  EXPECT_EQ(service_.created.credential().web_identity().region(), "eu-west-1");
  ASSERT_EQ(Run({"create", "pod-identity", "pod"}).code, 0);
  EXPECT_TRUE(service_.created.credential().has_pod_identity());
}

TEST_F(CredentialCommandsTest, UpdatesChangeWhatIsNamed) {
  const Result result =
      Run({"update", "main", "--secret-file", "AWS_SECRET_ACCESS_KEY=" + secret_file_, "--unset",
           "AWS_REGION", "--var", "TEAM=web"});
  ASSERT_EQ(result.code, 0) << result.err;
  const Credential& sent = service_.updated.credential();
  EXPECT_EQ(sent.etag(), "e1");
  EXPECT_THAT(service_.updated.update_mask().paths(),
              ElementsAre("static.variables", "static.secret_variables"));
  EXPECT_THAT(sent.static_().variables(), UnorderedElementsAre(Pair("TEAM", "web")));
  // An empty one stays as it is.
  EXPECT_THAT(sent.static_().secret_variables(),
              UnorderedElementsAre(Pair("AWS_ACCESS_KEY_ID", ""),
                                   Pair("AWS_SECRET_ACCESS_KEY", "from-a-file")));
  ASSERT_EQ(Run({"update", "main", "--name", "Other", "--provider", "hashicorp/aws"}).code, 0);
  EXPECT_THAT(service_.updated.update_mask().paths(), ElementsAre("display_name", "providers"));
}

TEST_F(CredentialCommandsTest, WrongCommandLinesAskNobody) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"create", "static", "main", "--from-env", "MISSING"},
           {"create", "static", "main", "--secret-file", "no-file-of-this-name"},
           {"create", "static", "main", "--secret-file", "A=/no/file/of/this/name"},
           {"create", "static", "main", "--var", "hush-hush"},
           {"create", "web-identity", "main"},
           {"update", "main"},
           {"update", "main", "--unset", "NOT_THERE"}}) {
    const Result result = Run(arguments);
    EXPECT_NE(result.code, 0) << arguments.back();
    EXPECT_THAT(result.err, Not(HasSubstr("hush")));
  }
  EXPECT_EQ(service_.created.parent(), "");
  EXPECT_THAT(service_.updated.update_mask().paths(), IsEmpty());
}

TEST_F(CredentialCommandsTest, ListsGetsAndDeletes) {
  const Result listed = Run({"list"});
  EXPECT_THAT(listed.out, HasSubstr("web identity"));
  EXPECT_THAT(listed.out, HasSubstr("AWS_ACCESS_KEY_ID=(secret), AWS_REGION=eu-west-1"));
  EXPECT_THAT(Run({"get", "main"}).out, HasSubstr("Providers"));
  EXPECT_NE(Run({"get", "other"}).code, 0);
  const Result deleted = Run({"delete", "main"});
  EXPECT_EQ(deleted.code, 0);
  EXPECT_EQ(service_.deleted, "projects/p/credentials/main");
}

}  // namespace
}  // namespace stackyard::cli
