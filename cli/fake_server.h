// A fake server of the public API, and command lines that are run against it.
#pragma once

#include <gmock/gmock.h>
#include <google/protobuf/util/field_mask_util.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "cli/app.h"
#include "cli/follow.h"
#include "common/grpc_status.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "stackyard/v1/catalog.grpc.pb.h"
#include "stackyard/v1/change_requests.grpc.pb.h"
#include "stackyard/v1/identity.grpc.pb.h"
#include "stackyard/v1/operations.grpc.pb.h"
#include "stackyard/v1/stacks.grpc.pb.h"

namespace stackyard::cli {

inline v1::Stack Web(v1::Stack::State state) {
  v1::Stack stack;
  stack.set_name("projects/p/stacks/web");
  stack.set_template_version("templates/hello/versions/1");
  stack.set_state(state);
  (*stack.mutable_parameters()->mutable_fields())["name"].set_string_value("Ada");
  (*stack.mutable_outputs())["message"].mutable_value()->set_string_value("Hello, Ada!");
  return stack;
}

inline Operation At(Stage stage) {
  v1::OperationMetadata metadata;
  metadata.set_stage(stage);
  metadata.set_target("projects/p/stacks/web");
  metadata.set_change_request("projects/p/changeRequests/1");
  Operation operation;
  operation.set_name("operations/o1");
  operation.mutable_metadata()->PackFrom(metadata);
  return operation;
}

class FakeStacks : public v1::StackService::Service {
 public:
  grpc::Status CreateStack(grpc::ServerContext* context, const v1::CreateStackRequest* request,
                           Operation* response) override {
    const auto token = context->client_metadata().find("authorization");
    authorization = token == context->client_metadata().end()
                        ? ""
                        : std::string(token->second.data(), token->second.size());
    created = *request;
    if (request->validate_only()) ++validated;
    if (!refusal.ok()) return ToGrpc(refusal);
    if (request->validate_only()) {
      response->set_done(true);
      return grpc::Status::OK;
    }
    if (kept.has_value()) {
      const std::string name = request->parent() + "/stacks/" + request->stack_id();
      v1::Stack& stack = (*kept)[name];
      stack = request->stack();
      stack.set_name(name);
      stack.set_state(v1::Stack::READY);
      Mask(stack);
    }
    *response = At(v1::OperationMetadata::QUEUED);
    return grpc::Status::OK;
  }
  grpc::Status UpdateStack(grpc::ServerContext*, const v1::UpdateStackRequest* request,
                           Operation* response) override {
    updated = *request;
    if (request->validate_only()) ++validated;
    if (!refusal.ok()) return ToGrpc(refusal);
    if (request->validate_only()) {
      response->set_done(true);
      return grpc::Status::OK;
    }
    if (kept.has_value()) {
      v1::Stack& stack = (*kept)[request->stack().name()];
      for (const std::string& path : request->update_mask().paths()) {
        const auto* field = stack.GetDescriptor()->FindFieldByName(path);
        stack.GetReflection()->ClearField(&stack, field);
        google::protobuf::FieldMask one;
        one.add_paths(path);
        google::protobuf::util::FieldMaskUtil::MergeMessageTo(request->stack(), one, {}, &stack);
      }
      Mask(stack);
    }
    *response = At(v1::OperationMetadata::QUEUED);
    return grpc::Status::OK;
  }
  grpc::Status PreviewStack(grpc::ServerContext*, const v1::PreviewStackRequest* request,
                            Operation* response) override {
    previewed = *request;
    *response = At(v1::OperationMetadata::QUEUED);
    return grpc::Status::OK;
  }
  grpc::Status ImportStack(grpc::ServerContext*, const v1::ImportStackRequest* request,
                           Operation* response) override {
    imported = *request;
    *response = At(v1::OperationMetadata::QUEUED);
    return grpc::Status::OK;
  }
  grpc::Status CheckDrift(grpc::ServerContext*, const v1::CheckDriftRequest* request,
                          Operation* response) override {
    asked.push_back("drift " + request->name());
    *response = At(v1::OperationMetadata::QUEUED);
    return grpc::Status::OK;
  }
  grpc::Status RepairDrift(grpc::ServerContext*, const v1::RepairDriftRequest* request,
                           Operation* response) override {
    asked.push_back("repair " + request->name());
    *response = At(v1::OperationMetadata::QUEUED);
    return grpc::Status::OK;
  }
  grpc::Status RollbackStack(grpc::ServerContext*, const v1::RollbackStackRequest* request,
                             Operation* response) override {
    asked.push_back(absl::StrCat("rollback ", request->name(), " to ", request->revision()));
    *response = At(v1::OperationMetadata::QUEUED);
    return grpc::Status::OK;
  }
  grpc::Status GetStack(grpc::ServerContext*, const v1::GetStackRequest* request,
                        v1::Stack* response) override {
    if (limited > 0) {
      --limited;
      absl::Status status = Error(v1::RATE_LIMITED, "slowly");
      google::rpc::RetryInfo retry;
      retry.mutable_retry_delay()->set_seconds(1);
      AttachDetail(status, retry);
      return ToGrpc(status);
    }
    if (kept.has_value()) {
      const auto found = kept->find(request->name());
      if (found == kept->end()) return ToGrpc(NotFound(request->name()));
      *response = found->second;
      return grpc::Status::OK;
    }
    if (request->name() != "projects/p/stacks/web") return ToGrpc(NotFound(request->name()));
    *response = Web(v1::Stack::READY);
    response->set_operation("operations/o1");
    return grpc::Status::OK;
  }
  grpc::Status ListStacks(grpc::ServerContext*, const v1::ListStacksRequest* request,
                          v1::ListStacksResponse* response) override {
    parents.push_back(request->parent());
    if (kept.has_value()) {
      for (const auto& [name, stack] : *kept) *response->add_stacks() = stack;
      return grpc::Status::OK;
    }
    *response->add_stacks() = Web(v1::Stack::READY);
    response->mutable_stacks(0)->set_name(
        absl::StrCat("projects/p/stacks/s", request->page_token()));
    // Three pages of one.
    const std::map<std::string, std::string> next = {{"", "2"}, {"2", "3"}, {"3", ""}};
    response->set_next_page_token(next.at(request->page_token()));
    return grpc::Status::OK;
  }
  grpc::Status GetRevision(grpc::ServerContext*, const v1::GetRevisionRequest*,
                           v1::Revision* response) override {
    v1::ResourceChange* change = response->mutable_plan()->add_changes();
    change->set_address("terraform_data.x");
    change->set_action(v1::ResourceChange::CREATE);
    v1::Amount* amount = response->mutable_plan()->add_amounts();
    amount->set_metric("resources");
    amount->set_value(1);
    return grpc::Status::OK;
  }

  grpc::Status ExtendStack(grpc::ServerContext*, const v1::ExtendStackRequest* request,
                           v1::Stack* response) override {
    extended = *request;
    *response = Web(v1::Stack::READY);
    response->set_change_request("projects/p/changeRequests/7");
    response->mutable_lease()->set_extended(unreviewed);
    return grpc::Status::OK;
  }

  grpc::Status WatchStack(grpc::ServerContext*, const v1::WatchStackRequest* request,
                          grpc::ServerWriter<v1::WatchStackResponse>* writer) override {
    tokens.push_back(request->resume_token());
    size_t next = request->resume_token().empty() ? 0 : std::stoul(request->resume_token());
    for (int sent = 0; next < script.size(); ++sent) {
      if (sent == break_after) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "restarting");
      v1::WatchStackResponse response;
      *response.mutable_stack() = script[next++];
      response.set_resume_token(absl::StrCat(next));
      writer->Write(response);
    }
    return grpc::Status::OK;
  }
  grpc::Status DownloadFile(grpc::ServerContext*, const v1::DownloadFileRequest* request,
                            google::api::HttpBody* response) override {
    asked.push_back("download " + request->name());
    if (file.empty()) return ToGrpc(NotFound(request->name()));
    response->set_data(file);
    return grpc::Status::OK;
  }

  // As the service shows it.
  static void Mask(v1::Stack& stack) {
    auto& fields = *stack.mutable_parameters()->mutable_fields();
    if (fields.count("password") > 0) fields["password"].set_string_value("(sensitive)");
  }

  // Stacks that are made and changed; absent: one that never changes.
  std::optional<std::map<std::string, v1::Stack>> kept;
  int validated = 0;
  // How many reads are refused first.
  int limited = 0;
  std::vector<v1::Stack> script;
  int break_after = -1;
  std::vector<std::string> tokens;
  std::string file;
  v1::ExtendStackRequest extended;
  bool unreviewed = false;
  absl::Status refusal;
  std::string authorization;
  v1::CreateStackRequest created;
  v1::UpdateStackRequest updated;
  v1::PreviewStackRequest previewed;
  v1::ImportStackRequest imported;
  std::vector<std::string> asked;
  std::vector<std::string> parents;
};

class FakeCatalog : public v1::CatalogService::Service {
 public:
  grpc::Status GetTemplateVersion(grpc::ServerContext*, const v1::GetTemplateVersionRequest*,
                                  v1::TemplateVersion* response) override {
    v1::Parameter* parameter = response->add_parameters();
    parameter->set_name("repeat");
    parameter->set_type("number");
    parameter = response->add_parameters();
    parameter->set_name("password");
    parameter->set_sensitive(true);
    return grpc::Status::OK;
  }
  grpc::Status PublishTemplateVersion(grpc::ServerContext*,
                                      const v1::PublishTemplateVersionRequest* request,
                                      Operation* response) override {
    published = *request;
    *response = At(v1::OperationMetadata::PREPARING);
    return grpc::Status::OK;
  }
  v1::PublishTemplateVersionRequest published;
};

class FakeRequests : public v1::ChangeRequestService::Service {
 public:
  grpc::Status GetChangeRequest(grpc::ServerContext*, const v1::GetChangeRequestRequest* request,
                                v1::ChangeRequest* response) override {
    response->set_name(request->name());
    if (absl::EndsWith(request->name(), "/2")) {
      response->set_type(v1::ChangeRequest::EXTENSION);
      response->mutable_extension()->set_seconds(24 * 3600);
      response->set_estimated_micros_per_hour(20'800);
      response->set_currency("USD");
      response->set_price_date("2026-01-31");
      v1::Amount* amount = response->add_amounts();
      amount->set_metric("vcpu");
      amount->set_value(2);
      return grpc::Status::OK;
    }
    if (absl::EndsWith(request->name(), "/3")) {
      response->set_type(v1::ChangeRequest::QUOTA);
      response->mutable_quota_change()->mutable_amount()->set_metric("vcpu");
      response->mutable_quota_change()->mutable_amount()->set_value(8);
      return grpc::Status::OK;
    }
    response->set_state(v1::ChangeRequest::PENDING);
    response->set_revision("projects/p/stacks/web/revisions/1");
    response->set_plan_digest("d1g35t");
    return grpc::Status::OK;
  }
  grpc::Status ApproveChangeRequest(grpc::ServerContext*,
                                    const v1::ApproveChangeRequestRequest* request,
                                    v1::ChangeRequest* response) override {
    approved = *request;
    response->set_name(request->name());
    response->set_state(v1::ChangeRequest::APPROVED);
    return grpc::Status::OK;
  }
  grpc::Status CreateQuotaRequest(grpc::ServerContext*,
                                  const v1::CreateQuotaRequestRequest* request,
                                  v1::ChangeRequest* response) override {
    asked = *request;
    response->set_name("projects/p/changeRequests/8");
    response->set_summary("8 more vcpu for good");
    return grpc::Status::OK;
  }
  v1::ApproveChangeRequestRequest approved;
  v1::CreateQuotaRequestRequest asked;
};

// Plays a list of answers; each stream breaks after `break_after` of them.
class FakeOperations : public v1::OperationService::Service {
 public:
  grpc::Status WatchOperation(grpc::ServerContext* context,
                              const v1::WatchOperationRequest* request,
                              grpc::ServerWriter<v1::WatchOperationResponse>* writer) override {
    tokens.push_back(request->resume_token());
    size_t next = request->resume_token().empty() ? 0 : std::stoul(request->resume_token());
    for (int sent = 0; next < script.size(); ++sent) {
      if (sent == break_after) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "restarting");
      v1::WatchOperationResponse response;
      *response.mutable_operation() = script[next++];
      response.set_resume_token(absl::StrCat(next));
      writer->Write(response);
    }
    if (script.empty() || !script.back().done()) {
      // Goes on until the client goes.
      absl::MutexLock lock(&mutex_);
      while (!context->IsCancelled()) {
        gone_.WaitWithTimeout(&mutex_, absl::Milliseconds(20));
      }
    }
    return grpc::Status::OK;
  }
  std::vector<Operation> script;
  int break_after = -1;
  std::vector<std::string> tokens;

 private:
  absl::Mutex mutex_;
  absl::CondVar gone_;
};

class FakeIdentity : public v1::IdentityService::Service {
 public:
  grpc::Status WhoAmI(grpc::ServerContext* context, const v1::WhoAmIRequest*,
                      v1::WhoAmIResponse* response) override {
    const auto token = context->client_metadata().find("authorization");
    authorization = token == context->client_metadata().end()
                        ? ""
                        : std::string(token->second.data(), token->second.size());
    if (!refusal.ok()) return ToGrpc(refusal);
    response->mutable_user()->set_name("users/ann");
    return grpc::Status::OK;
  }
  grpc::Status ListIdentityProviders(grpc::ServerContext*, const v1::ListIdentityProvidersRequest*,
                                     v1::ListIdentityProvidersResponse* response) override {
    *response = providers;
    return grpc::Status::OK;
  }

  v1::ListIdentityProvidersResponse providers;
  std::string authorization;
  absl::Status refusal;

  grpc::Status CreateToken(grpc::ServerContext*, const v1::CreateTokenRequest* request,
                           v1::CreateTokenResponse* response) override {
    response->mutable_token()->set_name(request->parent() + "/tokens/t1");
    response->set_secret("s3cr3t");
    return grpc::Status::OK;
  }
};

struct Result {
  int code;
  std::string out, err;
};

class CommandsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/commands_test.XXXXXX";
    directory_ = mkdtemp(pattern);
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    for (grpc::Service* service :
         {static_cast<grpc::Service*>(&stacks_), static_cast<grpc::Service*>(&catalog_),
          static_cast<grpc::Service*>(&requests_), static_cast<grpc::Service*>(&operations_),
          static_cast<grpc::Service*>(&identity_)}) {
      builder.RegisterService(service);
    }
    server_ = builder.BuildAndStart();
    variables_["STACKYARD_ENDPOINT"] = absl::StrCat("127.0.0.1:", port);
    variables_["STACKYARD_TOKEN"] = "t0ken";
    variables_["STACKYARD_PROJECT"] = "p";
  }
  void TearDown() override {
    server_->Shutdown();
    std::filesystem::remove_all(directory_);
  }

  Result Run(const std::vector<std::string>& arguments) {
    std::ostringstream out, err;
    std::istringstream in(input_);
    const Environment environment{
        .out = out,
        .err = err,
        .out_is_terminal = terminal_,
        .variable = [this](const std::string& name) -> std::optional<std::string> {
          const auto found = variables_.find(name);
          if (found == variables_.end()) return std::nullopt;
          return found->second;
        },
        .interrupted = [this] { return interrupted_; },
        .clock = clock_,
        .in = &in,
        .in_is_terminal = answers_questions_,
        .pause = pause_,
        .http = http_,
    };
    const int code = RunApp(arguments, environment);
    return {code, out.str(), err.str()};
  }

  Operation Done() {
    Operation operation = At(v1::OperationMetadata::FINISHED);
    operation.set_done(true);
    operation.mutable_response()->PackFrom(Web(v1::Stack::READY));
    return operation;
  }

  std::string directory_;
  std::map<std::string, std::string> variables_;
  std::string input_;
  // Whether somebody is there to answer, and to look.
  bool answers_questions_ = false;
  bool terminal_ = false;
  std::function<void(absl::Duration)> pause_ = [](absl::Duration) {};
  std::function<absl::StatusOr<HttpAnswer>(const HttpCall&)> http_ = SendHttp;
  bool interrupted_ = false;
  SystemClock clock_;
  FakeStacks stacks_;
  FakeCatalog catalog_;
  FakeRequests requests_;
  FakeOperations operations_;
  FakeIdentity identity_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace stackyard::cli
