// IdentityService through the gateway, over both engines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/grpc_status.h"
#include "common/proto_time.h"
#include "common/sql.h"
#include "common/status.h"
#include "services/gateway/bootstrap.h"
#include "services/gateway/identity_schema.h"
#include "services/gateway/test_gateway.h"
#include "services/gateway/token.h"
#include "services/gateway/token_store.h"
#include "tests/support/postgres.h"

namespace stackyard::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::StartsWith;
using Stub = v1::IdentityService::Stub;

class IdentityTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    options_.database = "sqlite:" + (folder_ / "gateway.db");
    if (GetParam() == "Postgres") {
      const auto url = NewPostgresDatabase();
      if (absl::IsNotFound(url.status())) GTEST_SKIP() << "PostgreSQL is not installed";
      ASSERT_TRUE(url.ok()) << url.status();
      options_.database = *url;
    }
    options_.admin_token_file = folder_ / "token";
    // Some tests ask again and again.
    options_.limits.user_rate = options_.limits.address_rate = 0;
    gateway_ = std::make_unique<TestGateway>(options_, clock_);
    admin_ = gateway_->admin_token();
    stub_ = v1::IdentityService::NewStub(gateway_->channel());
  }

  // The answer, or the error.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Try(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                            Response*),
                               const Request& request, const std::string& token) {
    Response response;
    const grpc::Status status = Call(method, *stub_, token, request, &response);
    if (!status.ok()) return FromGrpc(status);
    return response;
  }

  absl::StatusOr<v1::User> CreateUser(const std::string& id, const std::string& request_id = "") {
    v1::CreateUserRequest request;
    request.set_user_id(id);
    request.set_request_id(request_id);
    request.mutable_user()->set_display_name("Name of " + id);
    return Try(&Stub::CreateUser, request, admin_);
  }

  absl::StatusOr<v1::Binding> Bind(const std::string& project, const std::string& role,
                                   const std::string& member, const std::string& token) {
    v1::CreateBindingRequest request;
    if (!project.empty()) request.set_parent("projects/" + project);
    request.mutable_binding()->set_role("roles/" + role);
    request.mutable_binding()->set_member(member);
    return Try(&Stub::CreateBinding, request, token);
  }

  absl::StatusOr<v1::CreateTokenResponse> NewToken(const std::string& user,
                                                   const std::string& token,
                                                   std::vector<std::string> scopes = {}) {
    v1::CreateTokenRequest request;
    request.set_parent("users/" + user);
    request.mutable_token()->mutable_scopes()->Assign(scopes.begin(), scopes.end());
    return Try(&Stub::CreateToken, request, token);
  }

  absl::StatusOr<v1::WhoAmIResponse> WhoAmI(const std::string& token) {
    return Try(&Stub::WhoAmI, v1::WhoAmIRequest(), token);
  }

  TestFolder folder_;
  FakeClock clock_;
  GatewayOptions options_;
  std::unique_ptr<TestGateway> gateway_;
  std::string admin_;
  std::unique_ptr<Stub> stub_;
};

TEST_P(IdentityTest, TheFirstStartMakesAnAdministrator) {
  const auto who = WhoAmI(admin_);
  ASSERT_TRUE(who.ok()) << who.status();
  EXPECT_EQ(who->user().name(), "users/admin");
  EXPECT_THAT(who->roles(), ElementsAre("roles/admin"));
  struct stat info;
  ASSERT_EQ(stat(options_.admin_token_file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);

  // A good token stays; a lost one is made anew.
  TestGateway second(options_, clock_);
  EXPECT_EQ(second.admin_token(), admin_);
  std::filesystem::remove(options_.admin_token_file);
  TestGateway third(options_, clock_);
  EXPECT_NE(third.admin_token(), admin_);
  EXPECT_TRUE(WhoAmI(third.admin_token()).ok());
  EXPECT_TRUE(WhoAmI(admin_).ok());
}

TEST_P(IdentityTest, ARevokedAdminTokenIsReplacedAtTheNextStart) {
  v1::RevokeTokenRequest request;
  request.set_name("users/admin/tokens/" + admin_.substr(4, 12));
  ASSERT_TRUE(Try(&Stub::RevokeToken, request, admin_).ok());
  EXPECT_EQ(ReasonOf(WhoAmI(admin_).status()), v1::TOKEN_INVALID);
  TestGateway second(options_, clock_);
  EXPECT_NE(second.admin_token(), admin_);
  EXPECT_TRUE(WhoAmI(second.admin_token()).ok());
}

TEST_P(IdentityTest, UsersComeAndGo) {
  const auto created = CreateUser("ann");
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->name(), "users/ann");
  EXPECT_EQ(ReasonOf(CreateUser("ann").status()), v1::RESOURCE_EXISTS);

  v1::UpdateUserRequest update;
  update.mutable_user()->set_name("users/ann");
  update.mutable_user()->set_email("ann@example.org");
  update.mutable_user()->set_etag(created->etag());
  const auto updated = Try(&Stub::UpdateUser, update, admin_);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->email(), "ann@example.org");
  EXPECT_EQ(updated->display_name(), "Name of ann") << "not named, so not changed";
  EXPECT_NE(updated->etag(), created->etag());
  EXPECT_EQ(ReasonOf(Try(&Stub::UpdateUser, update, admin_).status()), v1::ETAG_MISMATCH);

  v1::GetUserRequest get;
  get.set_name("users/ann");
  EXPECT_EQ(Try(&Stub::GetUser, get, admin_)->email(), "ann@example.org");

  const std::string token = NewToken("ann", admin_)->secret();
  ASSERT_TRUE(WhoAmI(token).ok());
  v1::DeleteUserRequest remove;
  remove.set_name("users/ann");
  remove.set_etag("old");
  EXPECT_EQ(ReasonOf(Try(&Stub::DeleteUser, remove, admin_).status()), v1::ETAG_MISMATCH);
  remove.clear_etag();
  ASSERT_TRUE(Try(&Stub::DeleteUser, remove, admin_).ok());
  EXPECT_EQ(ReasonOf(Try(&Stub::GetUser, get, admin_).status()), v1::RESOURCE_NOT_FOUND);
  EXPECT_EQ(ReasonOf(WhoAmI(token).status()), v1::TOKEN_INVALID);
}

TEST_P(IdentityTest, TellsAllThatIsWrongAtOnce) {
  v1::CreateUserRequest request;
  request.set_user_id("No Good");
  request.mutable_user()->set_email("nowhere");
  request.mutable_user()->add_groups("A\tb");
  const auto refused = Try(&Stub::CreateUser, request, admin_).status();
  EXPECT_EQ(ReasonOf(refused), v1::INVALID_FIELD);
  google::rpc::BadRequest bad;
  ASSERT_TRUE(ReadDetail(refused, bad));
  std::vector<std::string> fields;
  for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
  EXPECT_THAT(fields, ElementsAre("user_id", "user.email", "user.groups"));
}

TEST_P(IdentityTest, TheMaskSaysWhatChanges) {
  ASSERT_TRUE(CreateUser("ann").ok());
  v1::UpdateUserRequest update;
  update.mutable_user()->set_name("users/ann");
  update.mutable_update_mask()->add_paths("display_name");
  update.set_validate_only(true);
  EXPECT_EQ(Try(&Stub::UpdateUser, update, admin_)->display_name(), "");
  v1::GetUserRequest get;
  get.set_name("users/ann");
  EXPECT_EQ(Try(&Stub::GetUser, get, admin_)->display_name(), "Name of ann");
  update.mutable_update_mask()->add_paths("create_time");
  EXPECT_EQ(ReasonOf(Try(&Stub::UpdateUser, update, admin_).status()), v1::INVALID_FIELD);
}

TEST_P(IdentityTest, ARequestIdReplaysTheFirstAnswer) {
  const auto first = CreateUser("ann", "r1");
  ASSERT_TRUE(first.ok()) << first.status();
  const auto again = CreateUser("ann", "r1");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->etag(), first->etag());
  EXPECT_EQ(ReasonOf(CreateUser("bob", "r1").status()), v1::REQUEST_ID_REUSED);
  clock_.Advance(absl::Hours(25));
  EXPECT_EQ(ReasonOf(CreateUser("ann", "r1").status()), v1::RESOURCE_EXISTS);
}

TEST_P(IdentityTest, ListsPageByPage) {
  for (const char* id : {"cid", "ann", "bob"}) ASSERT_TRUE(CreateUser(id).ok());
  v1::ListUsersRequest request;
  request.set_page_size(3);
  auto page = Try(&Stub::ListUsers, request, admin_);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->users_size(), 3);
  EXPECT_EQ(page->users(0).name(), "users/admin");
  EXPECT_EQ(page->users(2).name(), "users/bob");
  request.set_page_token(page->next_page_token());
  page = Try(&Stub::ListUsers, request, admin_);
  ASSERT_EQ(page->users_size(), 1);
  EXPECT_EQ(page->users(0).name(), "users/cid");
  EXPECT_EQ(page->next_page_token(), "");

  request.set_filter("name:ann");
  EXPECT_EQ(ReasonOf(Try(&Stub::ListUsers, request, admin_).status()), v1::INVALID_FIELD)
      << "the token belongs to another listing";
  request.clear_page_token();
  page = Try(&Stub::ListUsers, request, admin_);
  ASSERT_EQ(page->users_size(), 1);
  request.clear_filter();
  request.set_order_by("name desc");
  page = Try(&Stub::ListUsers, request, admin_);
  EXPECT_EQ(page->users(0).name(), "users/cid");
  EXPECT_FALSE(page->next_page_token().empty());
}

TEST_P(IdentityTest, RolesOfOnesOwn) {
  v1::CreateRoleRequest request;
  request.set_role_id("auditor");
  request.mutable_role()->add_permissions("events.*");
  const auto created = Try(&Stub::CreateRole, request, admin_);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_FALSE(created->built_in());
  EXPECT_EQ(ReasonOf(Try(&Stub::CreateRole, request, admin_).status()), v1::RESOURCE_EXISTS);
  request.set_role_id("dev");
  EXPECT_EQ(ReasonOf(Try(&Stub::CreateRole, request, admin_).status()), v1::RESOURCE_EXISTS);
  request.set_role_id("other");
  request.mutable_role()->add_permissions("stacks.fly");
  EXPECT_EQ(ReasonOf(Try(&Stub::CreateRole, request, admin_).status()), v1::INVALID_FIELD);

  ASSERT_TRUE(CreateUser("ann").ok());
  ASSERT_TRUE(Bind("web", "auditor", "users/ann", admin_).ok());
  const std::string ann = NewToken("ann", admin_)->secret();
  v1::TestPermissionsRequest test;
  test.set_resource("projects/web");
  for (const char* permission : {"events.list", "stacks.get"}) test.add_permissions(permission);
  EXPECT_THAT(Try(&Stub::TestPermissions, test, ann)->permissions(), ElementsAre("events.list"));

  v1::UpdateRoleRequest update;
  update.mutable_role()->set_name("roles/auditor");
  update.mutable_role()->add_permissions("stacks.get");
  ASSERT_TRUE(Try(&Stub::UpdateRole, update, admin_).ok());
  EXPECT_THAT(Try(&Stub::TestPermissions, test, ann)->permissions(), ElementsAre("stacks.get"));
  update.mutable_role()->set_name("roles/dev");
  EXPECT_EQ(ReasonOf(Try(&Stub::UpdateRole, update, admin_).status()), v1::WRONG_STATE);

  v1::DeleteRoleRequest remove;
  remove.set_name("roles/auditor");
  EXPECT_EQ(ReasonOf(Try(&Stub::DeleteRole, remove, admin_).status()), v1::WRONG_STATE);

  v1::ListRolesRequest list;
  list.set_page_size(2);
  std::vector<std::string> names;
  do {
    const auto page = Try(&Stub::ListRoles, list, ann);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const v1::Role& role : page->roles()) names.push_back(role.name());
    list.set_page_token(page->next_page_token());
  } while (!list.page_token().empty());
  EXPECT_THAT(names, ElementsAre("roles/admin", "roles/auditor", "roles/dev", "roles/devops",
                                 "roles/viewer"));
}

TEST_P(IdentityTest, BindingsGiveAndTakeRoles) {
  ASSERT_TRUE(CreateUser("ann").ok());
  const std::string ann = NewToken("ann", admin_)->secret();
  const auto binding = Bind("web", "dev", "users/ann", admin_);
  ASSERT_TRUE(binding.ok()) << binding.status();
  EXPECT_THAT(binding->name(), StartsWith("projects/web/bindings/"));
  EXPECT_THAT(WhoAmI(ann)->project_roles(), ElementsAre("projects/web: roles/dev"));
  const auto twice = Bind("web", "dev", "users/ann", admin_).status();
  EXPECT_EQ(ReasonOf(twice), v1::RESOURCE_EXISTS);
  EXPECT_THAT(std::string(twice.message()), HasSubstr(binding->name()));

  const auto bad = Bind("web", "nope", "users/nobody", admin_).status();
  EXPECT_EQ(ReasonOf(bad), v1::INVALID_FIELD);
  EXPECT_THAT(std::string(bad.message()), HasSubstr("roles/nope"));
  EXPECT_THAT(std::string(bad.message()), HasSubstr("users/nobody"));
  EXPECT_EQ(ReasonOf(Bind("-", "dev", "users/ann", admin_).status()), v1::INVALID_FIELD);

  // The name says the project, and must say the right one.
  v1::GetBindingRequest get;
  get.set_name("projects/api/bindings/" + binding->name().substr(22));
  EXPECT_EQ(ReasonOf(Try(&Stub::GetBinding, get, admin_).status()), v1::RESOURCE_NOT_FOUND);
  get.set_name(binding->name());
  EXPECT_EQ(Try(&Stub::GetBinding, get, admin_)->member(), "users/ann");

  v1::ListBindingsRequest list;
  EXPECT_EQ(Try(&Stub::ListBindings, list, admin_)->bindings_size(), 1) << "the administrator's";
  list.set_parent("projects/web");
  EXPECT_EQ(Try(&Stub::ListBindings, list, admin_)->bindings_size(), 1);
  EXPECT_EQ(ReasonOf(Try(&Stub::ListBindings, list, ann).status()), v1::PERMISSION_MISSING);

  v1::DeleteBindingRequest remove;
  remove.set_name(binding->name());
  ASSERT_TRUE(Try(&Stub::DeleteBinding, remove, admin_).ok());
  EXPECT_TRUE(WhoAmI(ann)->project_roles().empty());
}

TEST_P(IdentityTest, GroupsBringTheirRoles) {
  v1::CreateUserRequest request;
  request.set_user_id("ann");
  request.mutable_user()->add_groups("staff");
  ASSERT_TRUE(Try(&Stub::CreateUser, request, admin_).ok());
  ASSERT_TRUE(Bind("web", "viewer", "groups/staff", admin_).ok());
  const std::string ann = NewToken("ann", admin_)->secret();
  EXPECT_THAT(WhoAmI(ann)->project_roles(), ElementsAre("projects/web: roles/viewer"));
}

// The administrator of one project rules there, and only there.
TEST_P(IdentityTest, NobodyGivesAwayMoreThanTheyHold) {
  ASSERT_TRUE(CreateUser("ann").ok());
  ASSERT_TRUE(CreateUser("bob").ok());
  v1::CreateRoleRequest request;
  request.set_role_id("keeper");
  request.mutable_role()->add_permissions("bindings.*");
  request.mutable_role()->add_permissions("stacks.get");
  ASSERT_TRUE(Try(&Stub::CreateRole, request, admin_).ok());
  ASSERT_TRUE(Bind("web", "keeper", "users/ann", admin_).ok());
  const std::string ann = NewToken("ann", admin_)->secret();
  EXPECT_TRUE(Bind("web", "keeper", "users/bob", ann).ok());
  EXPECT_EQ(ReasonOf(Bind("web", "admin", "users/ann", ann).status()), v1::PERMISSION_MISSING);
  EXPECT_EQ(ReasonOf(Bind("", "keeper", "users/ann", ann).status()), v1::PERMISSION_MISSING);
  EXPECT_EQ(ReasonOf(Bind("api", "keeper", "users/ann", ann).status()), v1::RESOURCE_NOT_FOUND);
}

TEST_P(IdentityTest, UsersKeepTheirOwnTokens) {
  ASSERT_TRUE(CreateUser("ann").ok());
  ASSERT_TRUE(CreateUser("bob").ok());
  const std::string ann = NewToken("ann", admin_)->secret();
  const auto own = NewToken("ann", ann);
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_THAT(own->secret(), StartsWith("syt_"));
  EXPECT_EQ(ReasonOf(NewToken("bob", ann).status()), v1::PERMISSION_MISSING);
  EXPECT_EQ(ReasonOf(NewToken("nobody", ann).status()), v1::PERMISSION_MISSING);
  EXPECT_EQ(ReasonOf(NewToken("nobody", admin_).status()), v1::RESOURCE_NOT_FOUND);

  v1::ListTokensRequest list;
  list.set_parent("users/ann");
  EXPECT_EQ(Try(&Stub::ListTokens, list, ann)->tokens_size(), 2);
  list.set_parent("users/bob");
  EXPECT_EQ(ReasonOf(Try(&Stub::ListTokens, list, ann).status()), v1::PERMISSION_MISSING);

  v1::RevokeTokenRequest revoke;
  revoke.set_name(own->token().name());
  const auto revoked = Try(&Stub::RevokeToken, revoke, ann);
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_TRUE(revoked->revoked());
  EXPECT_EQ(ReasonOf(WhoAmI(own->secret()).status()), v1::TOKEN_INVALID);
  EXPECT_TRUE(WhoAmI(ann).ok());
}

TEST_P(IdentityTest, NarrowedTokensStayNarrow) {
  const auto narrow = NewToken("admin", admin_, {"tokens.create", "users.get"});
  ASSERT_TRUE(narrow.ok()) << narrow.status();
  v1::GetUserRequest get;
  get.set_name("users/admin");
  EXPECT_TRUE(Try(&Stub::GetUser, get, narrow->secret()).ok());
  EXPECT_EQ(ReasonOf(Try(&Stub::ListUsers, v1::ListUsersRequest(), narrow->secret()).status()),
            v1::PERMISSION_MISSING);
  EXPECT_EQ(ReasonOf(NewToken("admin", narrow->secret()).status()), v1::PERMISSION_MISSING);
  EXPECT_EQ(ReasonOf(NewToken("admin", narrow->secret(), {"users.*"}).status()),
            v1::PERMISSION_MISSING);
  EXPECT_TRUE(NewToken("admin", narrow->secret(), {"users.get"}).ok());
  EXPECT_EQ(ReasonOf(NewToken("admin", admin_, {"nonsense"}).status()), v1::INVALID_FIELD);
}

TEST_P(IdentityTest, TokensExpire) {
  v1::CreateTokenRequest request;
  request.set_parent("users/admin");
  request.mutable_ttl()->set_seconds(60);
  const auto token = Try(&Stub::CreateToken, request, admin_);
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(FromProto(token->token().expire_time()), clock_.TimeNow() + absl::Minutes(1));
  EXPECT_TRUE(WhoAmI(token->secret()).ok());
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(ReasonOf(WhoAmI(token->secret()).status()), v1::TOKEN_INVALID);
  request.mutable_ttl()->set_seconds(0);
  EXPECT_EQ(ReasonOf(Try(&Stub::CreateToken, request, admin_).status()), v1::INVALID_FIELD);
}

TEST_P(IdentityTest, TheSuspendedAreOut) {
  ASSERT_TRUE(CreateUser("ann").ok());
  const std::string ann = NewToken("ann", admin_)->secret();
  ASSERT_TRUE(WhoAmI(ann).ok());
  v1::UpdateUserRequest update;
  update.mutable_user()->set_name("users/ann");
  update.mutable_user()->set_suspended(true);
  ASSERT_TRUE(Try(&Stub::UpdateUser, update, admin_).ok());
  EXPECT_EQ(ReasonOf(WhoAmI(ann).status()), v1::TOKEN_INVALID);
}

// Nobody locks everybody out by mistake: neither themselves, nor the last one by another way.
TEST_P(IdentityTest, TheLastAdministratorStays) {
  v1::UpdateUserRequest suspend;
  suspend.mutable_user()->set_name("users/admin");
  suspend.mutable_user()->set_suspended(true);
  v1::DeleteUserRequest remove;
  remove.set_name("users/admin");
  v1::DeleteBindingRequest unbind;
  unbind.set_name(Try(&Stub::ListBindings, v1::ListBindingsRequest(), admin_)->bindings(0).name());
  const auto all_refused = [&] {
    EXPECT_EQ(ReasonOf(Try(&Stub::UpdateUser, suspend, admin_).status()), v1::WRONG_STATE);
    EXPECT_EQ(ReasonOf(Try(&Stub::DeleteUser, remove, admin_).status()), v1::WRONG_STATE);
    EXPECT_EQ(ReasonOf(Try(&Stub::DeleteBinding, unbind, admin_).status()), v1::WRONG_STATE);
    EXPECT_TRUE(WhoAmI(admin_).ok());
  };
  all_refused();
  // The one of a project is none of everything, and a group without anybody in it is nobody.
  ASSERT_TRUE(CreateUser("ann").ok());
  ASSERT_TRUE(Bind("web", "admin", "users/ann", admin_).ok());
  ASSERT_TRUE(Bind("", "admin", "groups/leads", admin_).ok());
  all_refused();
  suspend.set_validate_only(true);
  all_refused();
  suspend.set_validate_only(false);

  v1::UpdateUserRequest join;
  join.mutable_user()->set_name("users/ann");
  join.mutable_user()->add_groups("leads");
  ASSERT_TRUE(Try(&Stub::UpdateUser, join, admin_).ok());
  const std::string ann = NewToken("ann", admin_)->secret();
  ASSERT_TRUE(Try(&Stub::UpdateUser, suspend, admin_).ok());
  EXPECT_EQ(ReasonOf(WhoAmI(admin_).status()), v1::TOKEN_INVALID);
  // Now it is Ann who must stay.
  v1::UpdateUserRequest leave;
  leave.mutable_user()->set_name("users/ann");
  leave.mutable_update_mask()->add_paths("groups");
  EXPECT_EQ(ReasonOf(Try(&Stub::UpdateUser, leave, ann).status()), v1::WRONG_STATE);
  EXPECT_TRUE(Try(&Stub::DeleteUser, remove, ann).ok());
}

TEST_P(IdentityTest, ARoleOfOnesOwnMakesAdministratorsToo) {
  v1::CreateRoleRequest create;
  create.set_role_id("owner");
  create.mutable_role()->add_permissions("*");
  ASSERT_TRUE(Try(&Stub::CreateRole, create, admin_).ok());
  ASSERT_TRUE(CreateUser("ann").ok());
  ASSERT_TRUE(Bind("", "owner", "users/ann", admin_).ok());
  const std::string ann = NewToken("ann", admin_)->secret();
  v1::DeleteUserRequest remove;
  remove.set_name("users/admin");
  ASSERT_TRUE(Try(&Stub::DeleteUser, remove, admin_).ok());
  v1::UpdateRoleRequest narrow;
  narrow.mutable_role()->set_name("roles/owner");
  narrow.mutable_role()->add_permissions("stacks.*");
  EXPECT_EQ(ReasonOf(Try(&Stub::UpdateRole, narrow, ann).status()), v1::WRONG_STATE);
}

// Providers call groups as they like, and bindings must be able to say so.
TEST_P(IdentityTest, GroupsMayHaveAnyName) {
  v1::CreateUserRequest request;
  request.set_user_id("ann");
  request.mutable_user()->add_groups("/ops/On Call");
  ASSERT_TRUE(Try(&Stub::CreateUser, request, admin_).ok());
  ASSERT_TRUE(Bind("web", "viewer", "groups//ops/On Call", admin_).ok());
  const std::string ann = NewToken("ann", admin_)->secret();
  EXPECT_THAT(WhoAmI(ann)->project_roles(), ElementsAre("projects/web: roles/viewer"));
  for (const char* member : {"groups/", "groups/ x", "groups/x\n", "group/x"}) {
    EXPECT_EQ(ReasonOf(Bind("web", "viewer", member, admin_).status()), v1::INVALID_FIELD);
  }
}

TEST_P(IdentityTest, ReadsOneToken) {
  ASSERT_TRUE(CreateUser("ann").ok());
  ASSERT_TRUE(CreateUser("bob").ok());
  const std::string ann = NewToken("ann", admin_)->secret();
  const auto bobs = NewToken("bob", admin_, {"stacks.get"});
  v1::GetTokenRequest get;
  get.set_name(bobs->token().name());
  const auto token = Try(&Stub::GetToken, get, admin_);
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_THAT(token->scopes(), ElementsAre("stacks.get"));
  EXPECT_EQ(ReasonOf(Try(&Stub::GetToken, get, ann).status()), v1::PERMISSION_MISSING);
  get.set_name(absl::StrCat("users/ann/tokens/", ann.substr(4, 12)));
  EXPECT_TRUE(Try(&Stub::GetToken, get, ann).ok());
  // A token of another user is not theirs by another path.
  get.set_name(absl::StrCat("users/ann/tokens/", bobs->secret().substr(4, 12)));
  EXPECT_EQ(ReasonOf(Try(&Stub::GetToken, get, ann).status()), v1::RESOURCE_NOT_FOUND);
}

TEST_P(IdentityTest, TellsEverybodyWhereToSignIn) {
  using Request = v1::ListIdentityProvidersRequest;
  EXPECT_EQ(Try(&Stub::ListIdentityProviders, Request(), "")->identity_providers_size(), 0);
  GatewayOptions options = options_;
  options.oidc_file = folder_ / "oidc.yaml";
  std::ofstream(options.oidc_file) << "- {issuer: 'http://127.0.0.1:1', client_id: cli, "
                                      "display_name: Example, scopes: [openid]}";
  TestGateway second(options, clock_);
  const auto stub = v1::IdentityService::NewStub(second.channel());
  v1::ListIdentityProvidersResponse response;
  ASSERT_TRUE(Call(&Stub::ListIdentityProviders, *stub, "", Request(), &response).ok());
  ASSERT_EQ(response.identity_providers_size(), 1);
  const v1::IdentityProvider& provider = response.identity_providers(0);
  EXPECT_EQ(provider.issuer(), "http://127.0.0.1:1");
  EXPECT_EQ(provider.display_name(), "Example");
  EXPECT_EQ(provider.client_id(), "cli");
  EXPECT_THAT(provider.scopes(), ElementsAre("openid"));
}

// Another replica, with a cache of its own, hears of it through the database.
TEST_P(IdentityTest, OtherReplicasObey) {
  const SystemClock clock;
  TestGateway second(options_, clock);
  const auto other = v1::IdentityService::NewStub(second.channel());
  ASSERT_TRUE(CreateUser("ann").ok());
  const auto token = NewToken("ann", admin_);
  const auto who = [&] {
    v1::WhoAmIResponse response;
    return Call(&Stub::WhoAmI, *other, token->secret(), v1::WhoAmIRequest(), &response);
  };
  ASSERT_TRUE(who().ok());
  v1::RevokeTokenRequest revoke;
  revoke.set_name(token->token().name());
  ASSERT_TRUE(Try(&Stub::RevokeToken, revoke, admin_).ok());
  const absl::Time revoked = absl::Now();
  grpc::Status last;
  while ((last = who()).ok()) ASSERT_LT(absl::Now() - revoked, absl::Seconds(5));
  EXPECT_EQ(ReasonOf(FromGrpc(last)), v1::TOKEN_INVALID);
}

TEST_P(IdentityTest, OtherReplicasKeepTheSuspendedOut) {
  const SystemClock clock;
  TestGateway second(options_, clock);
  const auto other = v1::IdentityService::NewStub(second.channel());
  ASSERT_TRUE(CreateUser("ann").ok());
  const std::string ann = NewToken("ann", admin_)->secret();
  const auto who = [&] {
    v1::WhoAmIResponse response;
    return Call(&Stub::WhoAmI, *other, ann, v1::WhoAmIRequest(), &response);
  };
  ASSERT_TRUE(who().ok());
  v1::UpdateUserRequest update;
  update.mutable_user()->set_name("users/ann");
  update.mutable_user()->set_suspended(true);
  ASSERT_TRUE(Try(&Stub::UpdateUser, update, admin_).ok());
  const absl::Time suspended = absl::Now();
  grpc::Status last;
  while ((last = who()).ok()) ASSERT_LT(absl::Now() - suspended, absl::Seconds(5));
  EXPECT_EQ(ReasonOf(FromGrpc(last)), v1::TOKEN_INVALID);
}

TEST_P(IdentityTest, DenialsAndLastUsesAreWritten) {
  ASSERT_TRUE(CreateUser("ann").ok());
  const auto token = NewToken("ann", admin_);
  EXPECT_FALSE(Try(&Stub::ListUsers, v1::ListUsersRequest(), token->secret()).ok());
  EXPECT_FALSE(WhoAmI("").ok());
  clock_.Advance(absl::Minutes(1));
  gateway_.reset();
  const auto database = Database::Open(options_.database, GatewayMigrations());
  ASSERT_TRUE(database.ok());
  std::vector<std::string> rows;
  ASSERT_TRUE((*database)
                  ->Read([&](soci::session& sql) {
                    const soci::rowset<soci::row> found =
                        (sql.prepare << "SELECT caller, permission, reason FROM denials "
                                        "ORDER BY seq");
                    for (const soci::row& row : found) {
                      rows.push_back(row.get<std::string>(0) + " " + row.get<std::string>(1) + " " +
                                     row.get<std::string>(2));
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_THAT(rows, ElementsAre("users/ann users.list PERMISSION_MISSING", "  TOKEN_INVALID"));
  v1::Token stored;
  ASSERT_TRUE((*database)
                  ->Read([&](soci::session& sql) -> absl::Status {
                    const auto read = ReadToken(sql, "ann", token->token().name().substr(17));
                    if (read.ok()) stored = *read;
                    return read.status();
                  })
                  .ok());
  EXPECT_TRUE(stored.has_last_use_time());
}

INSTANTIATE_TEST_SUITE_P(Engines, IdentityTest, ::testing::Values("Sqlite", "Postgres"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace stackyard::gateway
