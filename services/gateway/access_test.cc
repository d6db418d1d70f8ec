#include "services/gateway/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"

namespace stackyard::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::shared_ptr<const PermissionSet> Set(std::vector<std::string> patterns) {
  return std::make_shared<const PermissionSet>(std::move(patterns));
}

Caller Alice() {
  Caller caller;
  caller.user = "alice";
  caller.grants = {{"web", "dev", Set({"stacks.*"})}, {"api", "viewer", Set({"stacks.list"})}};
  return caller;
}

Caller Root() {
  Caller caller;
  caller.user = "root";
  caller.grants = {{"", "admin", Set({"*"})}, {"web", "dev", Set({"stacks.*"})}};
  return caller;
}

void Narrow(Caller& caller, std::vector<std::string> scopes) {
  caller.scopes = scopes;
  caller.scope_set = PermissionSet(std::move(scopes));
}

Route OnProject(const std::string& permission, bool list = false) {
  Route route;
  route.method = "/stackyard.v1.StackService/Do";
  route.audience = Audience::kPermission;
  route.permission = permission;
  route.resource = {{1}, "parent"};
  route.in_project = true;
  route.across_projects = list;
  return route;
}

Route Global(Audience audience, const std::string& permission) {
  Route route;
  route.method = "/stackyard.v1.StackService/Do";
  route.audience = audience;
  route.permission = permission;
  return route;
}

ErrorReason WhyNot(const Route& route, const Caller* caller, const std::string& resource) {
  const auto principal = Decide(route, caller, resource);
  return principal.ok() ? v1::ERROR_REASON_UNSPECIFIED : ReasonOf(principal.status());
}

TEST(Access, ByRoleOnTheProject) {
  const Caller alice = Alice();
  const auto principal = Decide(OnProject("stacks.create"), &alice, "projects/web/stacks/shop");
  ASSERT_TRUE(principal.ok()) << principal.status();
  EXPECT_EQ(principal->user(), "users/alice");
  EXPECT_FALSE(principal->everywhere());
  EXPECT_THAT(principal->projects(), ElementsAre("web"));
  EXPECT_THAT(principal->roles(), ElementsAre("dev"));
}

TEST(Access, GlobalRolesCountOnEveryProject) {
  const Caller root = Root();
  const auto principal = Decide(OnProject("stacks.create"), &root, "projects/api");
  ASSERT_TRUE(principal.ok()) << principal.status();
  EXPECT_TRUE(principal->everywhere());
  EXPECT_THAT(principal->roles(), ElementsAre("admin"));
}

TEST(Access, MissingPermissionIsNamed) {
  const Caller alice = Alice();
  const auto denied = Decide(OnProject("stacks.create"), &alice, "projects/api/stacks/x").status();
  EXPECT_EQ(ReasonOf(denied), v1::PERMISSION_MISSING);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(ReadDetail(denied, info));
  EXPECT_EQ(info.metadata().at("permission"), "stacks.create");
  EXPECT_EQ(info.metadata().at("resource"), "projects/api");
}

// Neither answer tells whether the project exists.
TEST(Access, AStrangersProjectIsNotFound) {
  const Caller alice = Alice();
  EXPECT_EQ(WhyNot(OnProject("stacks.create"), &alice, "projects/secret"), v1::RESOURCE_NOT_FOUND);
}

TEST(Access, NamesThatCannotBe) {
  const Caller root = Root();
  for (const char* name : {"", "project/web", "projects/", "projects/-", "projects/-/stacks/x",
                           "projects//web", "projects/We b", "users/alice"}) {
    EXPECT_EQ(WhyNot(OnProject("stacks.get"), &root, name), v1::INVALID_FIELD) << name;
  }
}

TEST(Access, ListsAcrossProjectsSeeWhereThePermissionIsHeld) {
  const Caller alice = Alice();
  auto principal = Decide(OnProject("stacks.list", true), &alice, "projects/-");
  ASSERT_TRUE(principal.ok()) << principal.status();
  EXPECT_THAT(principal->projects(), ElementsAre("api", "web"));
  EXPECT_FALSE(principal->everywhere());
  principal = Decide(OnProject("stacks.get", true), &alice, "projects/-/stacks/-");
  EXPECT_THAT(principal->projects(), ElementsAre("web"));
  principal = Decide(OnProject("quota.get", true), &alice, "projects/-");
  ASSERT_TRUE(principal.ok());
  EXPECT_THAT(principal->projects(), IsEmpty());

  const Caller root = Root();
  principal = Decide(OnProject("stacks.list", true), &root, "projects/-");
  EXPECT_TRUE(principal->everywhere());
}

TEST(Access, ProjectRolesGiveNothingGlobally) {
  const Caller alice = Alice();
  const Caller root = Root();
  const Route route = Global(Audience::kPermission, "stacks.get");
  EXPECT_EQ(WhyNot(route, &alice, ""), v1::PERMISSION_MISSING);
  EXPECT_TRUE(Decide(route, &root, "")->everywhere());
  // A resource that may be outside of projects, and is.
  Route either = OnProject("stacks.get");
  either.in_project = false;
  EXPECT_EQ(WhyNot(either, &alice, "bindings/b"), v1::PERMISSION_MISSING);
  EXPECT_EQ(WhyNot(either, &alice, ""), v1::PERMISSION_MISSING);
  EXPECT_TRUE(Decide(either, &root, "").ok());
}

TEST(Access, WithoutTokenOnlyWhatIsPublic) {
  const Caller alice = Alice();
  EXPECT_EQ(WhyNot(OnProject("stacks.get"), nullptr, "projects/web"), v1::TOKEN_INVALID);
  EXPECT_EQ(WhyNot(Global(Audience::kAuthenticated, ""), nullptr, ""), v1::TOKEN_INVALID);
  EXPECT_EQ(WhyNot(Global(Audience::kNobody, ""), nullptr, ""), v1::TOKEN_INVALID);
  EXPECT_EQ(Decide(Global(Audience::kPublic, ""), nullptr, "")->user(), "");
  EXPECT_EQ(Decide(Global(Audience::kPublic, ""), &alice, "")->user(), "users/alice");
}

TEST(Access, NobodyMayCallWhatTheProtosDoNotOpen) {
  const Caller root = Root();
  EXPECT_EQ(WhyNot(Global(Audience::kNobody, ""), &root, ""), v1::PERMISSION_MISSING);
  EXPECT_EQ(WhyNot(Global(Audience::kNobody, "stacks.get"), &root, ""), v1::PERMISSION_MISSING);
}

TEST(AccessTest, WhoAsksAboutNoProjectIsDescribedOnEach) {
  Caller alice = Alice();
  alice.email = "alice@example.com";
  alice.grants.push_back({"", "auditor", Set({"events.list"})});
  alice.grants.push_back({"web", "devops", Set({"stacks.*"})});
  const auto principal = Decide(Global(Audience::kAuthenticated, "notifications.list"), &alice, "");
  ASSERT_TRUE(principal.ok()) << principal.status();
  EXPECT_EQ(principal->email(), "alice@example.com");
  EXPECT_THAT(principal->roles(), ElementsAre("auditor"));
  ASSERT_EQ(principal->project_roles_size(), 2);
  EXPECT_EQ(principal->project_roles(0).project(), "api");
  EXPECT_THAT(principal->project_roles(0).roles(), ElementsAre("viewer"));
  EXPECT_EQ(principal->project_roles(1).project(), "web");
  EXPECT_THAT(principal->project_roles(1).roles(), ElementsAre("dev", "devops"));
  // Where the project is known, what is held on others is nobody's business.
  const auto on_web = Decide(OnProject("stacks.get"), &alice, "projects/web/stacks/shop");
  ASSERT_TRUE(on_web.ok()) << on_web.status();
  EXPECT_EQ(on_web->project_roles_size(), 0);
  EXPECT_EQ(on_web->email(), "");
}

TEST(Access, AuthenticatedCallersAreToldWhereTheyHoldIt) {
  const Caller alice = Alice();
  const auto principal = Decide(Global(Audience::kAuthenticated, "stacks.list"), &alice, "");
  ASSERT_TRUE(principal.ok());
  EXPECT_THAT(principal->projects(), ElementsAre("api", "web"));
  EXPECT_THAT(principal->roles(), IsEmpty());
}

TEST(Access, ScopesNarrowEverything) {
  Caller root = Root();
  Narrow(root, {"stacks.get"});
  EXPECT_TRUE(Decide(OnProject("stacks.get"), &root, "projects/web").ok());
  EXPECT_EQ(WhyNot(OnProject("stacks.create"), &root, "projects/web"), v1::PERMISSION_MISSING);
  EXPECT_EQ(WhyNot(Global(Audience::kPermission, "users.create"), &root, ""),
            v1::PERMISSION_MISSING);
  EXPECT_EQ(WhyNot(Global(Audience::kAuthenticated, "tokens.create"), &root, ""),
            v1::PERMISSION_MISSING);
  EXPECT_TRUE(Decide(Global(Audience::kAuthenticated, ""), &root, "").ok());
  const auto list = Decide(OnProject("stacks.list", true), &root, "projects/-");
  ASSERT_TRUE(list.ok());
  EXPECT_FALSE(list->everywhere());
  EXPECT_THAT(list->projects(), IsEmpty());
  EXPECT_THAT(list->scopes(), ElementsAre("stacks.get"));
}

// Scopes take away; they never give.
TEST(Access, ScopesGiveNothing) {
  Caller alice = Alice();
  Narrow(alice, {"*"});
  EXPECT_EQ(WhyNot(OnProject("stacks.create"), &alice, "projects/api"), v1::PERMISSION_MISSING);
}

}  // namespace
}  // namespace stackyard::gateway
