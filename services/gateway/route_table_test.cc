#include "services/gateway/route_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "google/protobuf/text_format.h"
#include "services/gateway/builtin_roles.h"
#include "services/gateway/permission_set.h"
#include "stackyard/v1/annotations.pb.h"

namespace stackyard::gateway {
namespace {

using ::google::protobuf::DescriptorPool;
using ::google::protobuf::FileDescriptorProto;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

RouteTable Linked() {
  auto table = RouteTable::FromLinkedProtos();
  EXPECT_TRUE(table.ok()) << table.status();
  return *std::move(table);
}

TEST(RouteTable, HoldsEveryPublicService) {
  const RouteTable table = Linked();
  EXPECT_THAT(table.services(),
              IsSupersetOf({"stackyard.v1.CatalogService", "stackyard.v1.DocumentService",
                            "stackyard.v1.IdentityService", "stackyard.v1.NotificationService",
                            "stackyard.v1.QuotaService", "stackyard.v1.StackService",
                            "stackyard.v1.StateService"}));
}

TEST(RouteTable, ReadsTheOptions) {
  const RouteTable table = Linked();
  const Route* update = table.Find("/stackyard.v1.StackService/UpdateStack");
  ASSERT_NE(update, nullptr);
  EXPECT_EQ(update->backend, "stacks");
  EXPECT_EQ(update->audience, Audience::kPermission);
  EXPECT_EQ(update->permission, "stacks.update");
  EXPECT_EQ(update->resource.numbers, (std::vector<int>{1, 1}));
  EXPECT_TRUE(update->in_project);
  EXPECT_FALSE(update->across_projects);
  EXPECT_FALSE(update->server_streaming);

  EXPECT_TRUE(table.Find("/stackyard.v1.StackService/ListStacks")->across_projects);
  EXPECT_TRUE(table.Find("/stackyard.v1.StackService/WatchStack")->server_streaming);
  EXPECT_EQ(table.Find("/stackyard.v1.QuotaService/CheckFit")->backend, "quota");
  EXPECT_EQ(table.Find("/stackyard.v1.IdentityService/WhoAmI")->audience, Audience::kAuthenticated);
  EXPECT_EQ(table.Find("/stackyard.v1.DocumentService/ReadPublicDocument")->audience,
            Audience::kPublic);
  // Bindings are global or on a project.
  EXPECT_FALSE(table.Find("/stackyard.v1.IdentityService/CreateBinding")->in_project);
}

TEST(RouteTable, KnowsNothingElse) {
  const RouteTable table = Linked();
  for (const char* method :
       {"", "/", "/stackyard.v1.StackService/", "/stackyard.v1.StackService/Nope",
        "stackyard.v1.StackService/GetStack", "/stackyard.internal.v1.RunQueueService/AcquireRuns",
        "/stackyard.internal.v1.ReservationService/Reserve", "/grpc.health.v1.Health/Check"}) {
    EXPECT_EQ(table.Find(method), nullptr) << method;
  }
}

TEST(RouteTable, EveryRpcSaysWhoMayCallIt) {
  const RouteTable table = Linked();
  for (const Route& route : table.routes()) {
    EXPECT_NE(route.audience, Audience::kNobody) << route.method << " has no access option";
  }
}

TEST(RouteTable, BuiltinRolesGrantOnlyWhatExists) {
  const RouteTable table = Linked();
  for (const v1::Role& role : BuiltinRoles()) {
    for (const std::string& permission : role.permissions()) {
      EXPECT_TRUE(IsKnownPattern(permission, table.permissions()))
          << role.name() << " grants " << permission;
    }
  }
}

// Protos that are not linked in, built from text.
class BuildTest : public ::testing::Test {
 protected:
  absl::StatusOr<RouteTable> Build(const std::string& access) {
    FileDescriptorProto file;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        R"pb(
          name: "test.proto"
          package: "test"
          syntax: "proto3"
          dependency: "stackyard/v1/stacks.proto"
          message_type {
            name: "Request"
            field { name: "names" number: 1 label: LABEL_REPEATED type: TYPE_STRING }
            field { name: "count" number: 2 label: LABEL_OPTIONAL type: TYPE_INT32 }
            field { name: "one" number: 3 label: LABEL_OPTIONAL type: TYPE_STRING oneof_index: 0 }
            field {
              name: "stack"
              number: 4
              label: LABEL_OPTIONAL
              type: TYPE_MESSAGE
              type_name: ".stackyard.v1.Stack"
            }
            oneof_decl { name: "which" }
          }
          service {
            name: "Service"
            method { name: "Do" input_type: ".test.Request" output_type: ".test.Request" }
          }
        )pb",
        &file));
    auto* service = file.mutable_service(0);
    service->mutable_options()->SetExtension(v1::backend, "stacks");
    if (!access.empty()) {
      EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
          access, service->mutable_method(0)->mutable_options()->MutableExtension(v1::access)));
    }
    pool_ = std::make_unique<DescriptorPool>(DescriptorPool::generated_pool());
    const auto* built = pool_->BuildFile(file);
    EXPECT_NE(built, nullptr);
    return RouteTable::Build({built->service(0)});
  }

  std::unique_ptr<DescriptorPool> pool_;
};

TEST_F(BuildTest, NobodyMayCallWhatHasNoOption) {
  for (const char* access : {"", "resource: 'stack.name'"}) {
    const auto table = Build(access);
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_EQ(table->Find("/test.Service/Do")->audience, Audience::kNobody);
  }
}

TEST_F(BuildTest, ResolvesNestedFields) {
  const auto table = Build("permission: 'a.b' resource: 'stack.name'");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->Find("/test.Service/Do")->resource.numbers, (std::vector<int>{4, 1}));
}

TEST_F(BuildTest, RefusesFieldsThatAreNoSingleString) {
  for (const char* field : {"nope", "names", "count", "one", "stack", "stack.nope", "count.x"}) {
    const auto table = Build("permission: 'a.b' resource: '" + std::string(field) + "'");
    ASSERT_FALSE(table.ok()) << field;
    EXPECT_THAT(std::string(table.status().message()), HasSubstr(field));
  }
}

}  // namespace
}  // namespace stackyard::gateway
