// Every RPC of the linked protos, against everybody who may or may not call it, through a gateway.
//
// What is expected comes from the options in the protos and from the roles, by rules that are as
// plain and as slow as can be. A new RPC is tested as soon as it is in a proto, and fails here
// while its options say nothing, or nothing that can be obeyed.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor_database.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/notification.h"
#include "common/grpc_status.h"
#include "common/status.h"
#include "google/api/annotations.pb.h"
#include "services/gateway/builtin_roles.h"
#include "services/gateway/test_gateway.h"
#include "stackyard/v1/annotations.pb.h"

namespace stackyard::gateway {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using ::testing::HasSubstr;
using Stub = v1::IdentityService::Stub;

// Permissions that no built-in role but admin has, on purpose: they say who belongs to the place,
// who may do what, and what it is made of.
const std::set<std::string> kAdminOnly = {
    "bindings.create", "bindings.delete", "configs.list",         "denials.list",
    "projects.create", "projects.delete", "quota.metrics.create", "roles.create",
    "roles.delete",    "roles.update",    "tokens.create",        "tokens.list",
    "tokens.revoke",   "users.create",    "users.delete",         "users.update"};

std::vector<const MethodDescriptor*> AllMethods() {
  std::vector<std::string> files;
  google::protobuf::DescriptorPool::internal_generated_database()->FindAllFileNames(&files);
  std::vector<const MethodDescriptor*> methods;
  for (const std::string& name : files) {
    if (!absl::StartsWith(name, "stackyard/v1/")) continue;
    const auto* file = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(name);
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        methods.push_back(file->service(s)->method(m));
      }
    }
  }
  return methods;
}

v1::Access AccessOf(const MethodDescriptor& method) {
  return method.options().GetExtension(v1::access);
}

std::string PathOf(const MethodDescriptor& method) {
  return absl::StrCat("/", method.service()->full_name(), "/", method.name());
}

// Whether every URL says that the resource lies in a project.
bool IsAlwaysInProject(const MethodDescriptor& method) {
  const auto& rule = method.options().GetExtension(google::api::http);
  std::vector<google::api::HttpRule> rules = {rule.additional_bindings().begin(),
                                              rule.additional_bindings().end()};
  rules.push_back(rule);
  for (const auto& one : rules) {
    const std::string url =
        absl::StrCat(one.get(), one.put(), one.post(), one.delete_(), one.patch());
    if (!absl::StrContains(url, absl::StrCat("{", AccessOf(method).resource(), "=projects/*"))) {
      return false;
    }
  }
  return true;
}

// A request that names a resource, and says nothing else.
std::string RequestNaming(const MethodDescriptor& method, const std::string& name) {
  std::unique_ptr<Message> request(google::protobuf::MessageFactory::generated_factory()
                                       ->GetPrototype(method.input_type())
                                       ->New());
  Message* message = request.get();
  const std::string text = AccessOf(method).resource();
  const std::vector<std::string> path = absl::StrSplit(text, '.');
  for (size_t i = 0; i < path.size() && !path[0].empty(); ++i) {
    const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(path[i]);
    if (i + 1 < path.size()) {
      message = message->GetReflection()->MutableMessage(message, field);
    } else {
      message->GetReflection()->SetString(message, field, name);
    }
  }
  return request->SerializeAsString();
}

// Somebody who calls. Their one role is held on `project`, or everywhere when that is empty.
struct Person {
  std::string what;
  std::string token;
  std::vector<std::string> role;
  std::string project;
  // Of the token.
  std::vector<std::string> scopes;
};

bool Names(const std::vector<std::string>& patterns, const std::string& permission) {
  for (const std::string& pattern : patterns) {
    if (pattern == "*" || pattern == permission) return true;
    if (absl::EndsWith(pattern, ".*") &&
        absl::StartsWith(permission, pattern.substr(0, pattern.size() - 1))) {
      return true;
    }
  }
  return false;
}

// Why the call is refused; ERROR_REASON_UNSPECIFIED: it is not. `project` is what the name says,
// empty for a name outside of all projects.
ErrorReason Expected(const MethodDescriptor& method, const Person& person,
                     const std::string& project) {
  const v1::Access access = AccessOf(method);
  const bool in_scope = person.scopes.empty() || Names(person.scopes, access.permission());
  if (access.audience() == v1::Access::PUBLIC) return v1::ERROR_REASON_UNSPECIFIED;
  if (person.token.empty()) return v1::TOKEN_INVALID;
  if (access.audience() == v1::Access::AUTHENTICATED) {
    return access.permission().empty() || in_scope ? v1::ERROR_REASON_UNSPECIFIED
                                                   : v1::PERMISSION_MISSING;
  }
  const bool in_project = !access.resource().empty() && !project.empty();
  if (!access.resource().empty() && !in_project && IsAlwaysInProject(method)) {
    return v1::INVALID_FIELD;
  }
  const bool belongs = person.project.empty() || (in_project && person.project == project);
  if (belongs && in_scope && Names(person.role, access.permission())) {
    return v1::ERROR_REASON_UNSPECIFIED;
  }
  return in_project && !belongs ? v1::RESOURCE_NOT_FOUND : v1::PERMISSION_MISSING;
}

// Stands for stacks and quota: says that it was reached, whatever is asked.
class Backend final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    // What the gateway asks on its own account says nothing of who may call.
    if (context->method().starts_with("/stackyard.v1.")) ++reached;
    return new Reached;
  }

  std::atomic<int> reached{0};

 private:
  class Reached final : public grpc::ServerGenericBidiReactor {
   public:
    Reached() { Finish(grpc::Status(grpc::StatusCode::ABORTED, "reached")); }
    void OnDone() override { delete this; }
  };
};

class AccessTableTest : public ::testing::Test {
 protected:
  AccessTableTest() {
    ServerOptions backend_options;
    backend_options.service = "stacks";
    backend_options.listen = "unix:" + (folder_ / "stacks.sock");
    backend_options.drain = absl::Seconds(1);
    server_ = *Server::Start(backend_options, {}, nullptr, &backend_);

    GatewayOptions options;
    options.stacks_target = options.quota_target = server_->target();
    options.database = "sqlite:" + (folder_ / "gateway.db");
    options.admin_token_file = folder_ / "token";
    options.limits.user_rate = options.limits.address_rate = 0;
    gateway_ = std::make_unique<TestGateway>(options, clock_);
    stub_ = v1::IdentityService::NewStub(gateway_->channel());
    generic_ = std::make_unique<grpc::GenericStub>(gateway_->channel());
    admin_ = {"admin", gateway_->admin_token(), {"*"}, "", {}};
  }

  template <typename Request, typename Response>
  Response Must(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                const Request& request) {
    Response response;
    const grpc::Status status = Call(method, *stub_, admin_.token, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  std::string TokenOf(const std::string& user, const std::vector<std::string>& scopes) {
    v1::CreateTokenRequest request;
    request.set_parent(absl::StrCat("users/", user));
    request.mutable_token()->mutable_scopes()->Assign(scopes.begin(), scopes.end());
    return Must(&Stub::CreateToken, request).secret();
  }

  // A new user with a role.
  Person Make(const std::string& what, const std::string& role,
              const std::vector<std::string>& permissions, const std::string& project) {
    const std::string id = absl::StrCat("user-", ++users_);
    v1::CreateUserRequest create;
    create.set_user_id(id);
    Must(&Stub::CreateUser, create);
    v1::CreateBindingRequest bind;
    if (!project.empty()) bind.set_parent(absl::StrCat("projects/", project));
    bind.mutable_binding()->set_member(absl::StrCat("users/", id));
    bind.mutable_binding()->set_role(absl::StrCat("roles/", role));
    Must(&Stub::CreateBinding, bind);
    return {what, TokenOf(id, {}), permissions, project, {}};
  }

  Person MakeBuiltin(const std::string& role, const std::string& project) {
    const auto& permissions = FindBuiltinRole(role)->permissions();
    return Make(absl::StrCat(role, project.empty() ? " everywhere" : " of web"), role,
                {permissions.begin(), permissions.end()}, project);
  }

  // Somebody with a role of their own that is this permission and nothing else.
  Person MakeExact(const std::string& permission) {
    const std::string id = absl::StrCat("role-", ++users_);
    v1::CreateRoleRequest create;
    create.set_role_id(id);
    create.mutable_role()->add_permissions(permission);
    Must(&Stub::CreateRole, create);
    return Make(absl::StrCat(permission, " of web"), id, {permission}, "web");
  }

  absl::Status CallRaw(const MethodDescriptor& method, const std::string& token,
                       const std::string& bytes) {
    const grpc::Slice slice(bytes);
    grpc::ByteBuffer request(&slice, 1), response;
    const auto context = WithToken(token);
    grpc::Status result;
    absl::Notification done;
    generic_->UnaryCall(context.get(), PathOf(method), grpc::StubOptions(), &request, &response,
                        [&](grpc::Status status) {
                          result = std::move(status);
                          done.Notify();
                        });
    done.WaitForNotification();
    return FromGrpc(result);
  }

  double CountedDenials() {
    double sum = 0;
    for (const auto& family : gateway_->registry().Collect()) {
      if (family.name != "stackyard_gateway_denials_total") continue;
      for (const auto& metric : family.metric) sum += metric.counter.value;
    }
    return sum;
  }

  std::vector<v1::Denial> ListedDenials(const std::string& filter = "") {
    std::vector<v1::Denial> denials;
    v1::ListDenialsRequest request;
    request.set_page_size(1000);
    request.set_filter(filter);
    do {
      const auto page = Must(&Stub::ListDenials, request);
      denials.insert(denials.end(), page.denials().begin(), page.denials().end());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return denials;
  }

  // Calls, and checks everything that can be seen of it.
  void Check(const MethodDescriptor& method, const Person& person, const std::string& name,
             const std::string& project) {
    SCOPED_TRACE(absl::StrCat(PathOf(method), " by ", person.what, " on `", name, "`"));
    const ErrorReason expected = Expected(method, person, project);
    const bool ours = method.service()->options().GetExtension(v1::backend) == "gateway";
    const double denials = CountedDenials();
    const int reached = backend_.reached;
    const absl::Status status = CallRaw(method, person.token, RequestNaming(method, name));
    const bool refused = expected != v1::ERROR_REASON_UNSPECIFIED;
    if (refused) {
      EXPECT_EQ(ReasonOf(status), expected) << status;
    } else if (!ours) {
      EXPECT_EQ(status.message(), "reached") << status;
    }
    // Nothing but what is allowed goes through; what identity itself then says of it is its own
    // business, and no denial.
    EXPECT_EQ(backend_.reached - reached, !refused && !ours) << status;
    const bool denied = refused && expected != v1::INVALID_FIELD;
    EXPECT_EQ(CountedDenials() - denials, denied) << status;
    denied_ += denied;
    ++calls_;
  }

  TestFolder folder_;
  SystemClock clock_;
  Backend backend_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<TestGateway> gateway_;
  std::unique_ptr<Stub> stub_;
  std::unique_ptr<grpc::GenericStub> generic_;
  Person admin_;
  int users_ = 0;
  int calls_ = 0;
  int denied_ = 0;
};

TEST(AccessOptionsTest, EveryRpcSaysWhoMayCallIt) {
  std::set<std::string> admin_only;
  for (const MethodDescriptor* method : AllMethods()) {
    SCOPED_TRACE(PathOf(*method));
    EXPECT_FALSE(method->service()->options().GetExtension(v1::backend).empty());
    ASSERT_TRUE(method->options().HasExtension(v1::access)) << "nobody could call it";
    const v1::Access access = AccessOf(*method);
    const std::string& permission = access.permission();
    const bool open = access.audience() != v1::Access::AUDIENCE_UNSPECIFIED;
    EXPECT_TRUE(open || !permission.empty());
    bool in_role = permission.empty();
    for (const v1::Role& role : BuiltinRoles()) {
      if (role.name() == "roles/admin") continue;
      in_role |= Names({role.permissions().begin(), role.permissions().end()}, permission);
    }
    if (!in_role) admin_only.insert(permission);
    EXPECT_TRUE(in_role || kAdminOnly.count(permission) > 0)
        << permission << " is in no built-in role; give it to one, or list it above";
  }
  EXPECT_EQ(admin_only, kAdminOnly) << "what is listed above must be so";
}

TEST(AccessOptionsTest, EveryResourceIsOneString) {
  for (const MethodDescriptor* method : AllMethods()) {
    SCOPED_TRACE(PathOf(*method));
    if (AccessOf(*method).resource().empty()) continue;
    const google::protobuf::Descriptor* message = method->input_type();
    const FieldDescriptor* field = nullptr;
    const std::string path = AccessOf(*method).resource();
    for (const absl::string_view part : absl::StrSplit(path, '.')) {
      ASSERT_NE(message, nullptr);
      field = message->FindFieldByName(std::string(part));
      ASSERT_NE(field, nullptr);
      ASSERT_FALSE(field->is_repeated());
      message = field->message_type();
    }
    EXPECT_EQ(field->type(), FieldDescriptor::TYPE_STRING);
  }
}

TEST_F(AccessTableTest, EveryRpcByEverybodyEverywhere) {
  const std::vector<Person> everybody = {
      {"nobody", "", {}, "", {}},
      MakeBuiltin("viewer", "web"),
      MakeBuiltin("dev", "web"),
      MakeBuiltin("devops", "web"),
      MakeBuiltin("viewer", ""),
      admin_,
      {"admin with a token for another thing",
       TokenOf("admin", {"events.verify"}),
       {"*"},
       "",
       {"events.verify"}},
  };
  std::map<std::string, Person> exact;
  for (const MethodDescriptor* method : AllMethods()) {
    const std::string permission = AccessOf(*method).permission();
    std::vector<Person> people = everybody;
    if (!permission.empty()) {
      if (exact.count(permission) == 0) exact[permission] = MakeExact(permission);
      people.push_back(exact[permission]);
      people.push_back({"admin with a token for just this",
                        TokenOf("admin", {permission}),
                        {"*"},
                        "",
                        {permission}});
    }
    for (const Person& person : people) {
      if (AccessOf(*method).resource().empty()) {
        Check(*method, person, "", "");
        continue;
      }
      Check(*method, person, "projects/web/things/nope", "web");
      Check(*method, person, "projects/api/things/nope", "api");
      Check(*method, person, "things/nope", "");
      Check(*method, person, "", "");
    }
    if (HasFailure()) break;
  }
  EXPECT_GT(calls_, 2000);
  EXPECT_EQ(static_cast<int>(ListedDenials().size()), denied_);
}

// Names tell nothing: not by a status, its message or its details, and not by how far they get.
TEST_F(AccessTableTest, ProjectsOfOthersCannotBeGuessed) {
  const Person dev = MakeBuiltin("dev", "web");
  for (const MethodDescriptor* method : AllMethods()) {
    if (!IsAlwaysInProject(*method) || AccessOf(*method).resource().empty()) continue;
    SCOPED_TRACE(PathOf(*method));
    const absl::Status there =
        CallRaw(*method, dev.token, RequestNaming(*method, "projects/api/stacks/shop"));
    absl::Status nowhere =
        CallRaw(*method, dev.token, RequestNaming(*method, "projects/xyz/stacks/shop"));
    EXPECT_EQ(ReasonOf(there), v1::RESOURCE_NOT_FOUND) << there;
    const auto text = [](const absl::Status& status) {
      google::rpc::Status whole = ToProto(status);
      std::set<std::string> details;
      for (const auto& detail : whole.details()) details.insert(detail.SerializeAsString());
      whole.clear_details();
      const std::string head = whole.SerializeAsString();
      return absl::StrReplaceAll(absl::StrCat(head, absl::StrJoin(details, "|")), {{"xyz", "api"}});
    };
    EXPECT_EQ(text(there), text(nowhere));
  }
  EXPECT_EQ(backend_.reached, 0);
}

TEST_F(AccessTableTest, ADenialIsALineAMetricAndARow) {
  const Person viewer = MakeBuiltin("viewer", "web");
  const MethodDescriptor* method =
      google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
          "stackyard.v1.StackService.CreateStack");
  ASSERT_NE(method, nullptr);
  testing::internal::CaptureStderr();
  CallRaw(*method, viewer.token, RequestNaming(*method, "projects/web")).IgnoreError();
  const std::string log = testing::internal::GetCapturedStderr();
  for (const char* part : {"\"denied\"", "stacks.create", "projects/web", "PERMISSION_MISSING"}) {
    EXPECT_THAT(log, HasSubstr(part));
  }
  EXPECT_EQ(CountedDenials(), 1);
  const auto rows = ListedDenials();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].user(), "users/user-1");
  EXPECT_EQ(rows[0].method(), "/stackyard.v1.StackService/CreateStack");
  EXPECT_EQ(rows[0].resource(), "projects/web");
  EXPECT_EQ(rows[0].permission(), "stacks.create");
  EXPECT_EQ(rows[0].reason(), "PERMISSION_MISSING");
  EXPECT_EQ(rows[0].peer(), "127.0.0.1");
  EXPECT_FALSE(rows[0].request_id().empty());
  EXPECT_TRUE(rows[0].has_create_time());
}

TEST_F(AccessTableTest, DenialsAreListedNewestFirstAndFiltered) {
  const Person viewer = MakeBuiltin("viewer", "web");
  for (int i = 0; i < 5; ++i) {
    v1::ListUsersResponse users;
    EXPECT_FALSE(Call(&Stub::ListUsers, *stub_, viewer.token, v1::ListUsersRequest(), &users).ok());
    v1::WhoAmIResponse who;
    EXPECT_FALSE(Call(&Stub::WhoAmI, *stub_, "", v1::WhoAmIRequest(), &who).ok());
  }
  v1::ListDenialsRequest request;
  request.set_page_size(3);
  std::vector<std::string> reasons;
  int pages = 0;
  do {
    const auto page = Must(&Stub::ListDenials, request);
    ++pages;
    for (const v1::Denial& one : page.denials()) reasons.push_back(one.reason());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(pages, 4);
  ASSERT_EQ(reasons.size(), 10u);
  EXPECT_EQ(reasons[0], "TOKEN_INVALID");
  EXPECT_EQ(reasons[1], "PERMISSION_MISSING");
  EXPECT_EQ(ListedDenials("reason = PERMISSION_MISSING AND user = users/user-1").size(), 5u);
  EXPECT_EQ(ListedDenials("permission = users.list").size(), 5u);
  EXPECT_EQ(ListedDenials("user = users/nobody").size(), 0u);
  request.set_page_token("nonsense");
  v1::ListDenialsResponse response;
  EXPECT_EQ(ReasonOf(FromGrpc(Call(&Stub::ListDenials, *stub_, admin_.token, request, &response))),
            v1::INVALID_FIELD);
}

// What identity itself refuses, after the gateway let it pass, is a denial like any other.
TEST_F(AccessTableTest, RefusalsOfABackendAreRecorded) {
  const Person viewer = MakeBuiltin("viewer", "web");
  v1::CreateTokenRequest request;
  request.set_parent("users/admin");
  v1::CreateTokenResponse response;
  EXPECT_EQ(ReasonOf(FromGrpc(Call(&Stub::CreateToken, *stub_, viewer.token, request, &response))),
            v1::PERMISSION_MISSING);
  const auto rows = ListedDenials();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].permission(), "tokens.create");
  EXPECT_EQ(rows[0].user(), "users/user-1");
}

}  // namespace
}  // namespace stackyard::gateway
