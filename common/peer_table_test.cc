#include "common/peer_table.h"

#include <gtest/gtest.h>

#include "common/status.h"

namespace stackyard {
namespace {

const PeerTable& Table() {
  static const auto& table =
      *new PeerTable(PeerTable::Entries{{"stackyard.v1.StackService", {"gateway"}},
                                        {"stackyard.internal.v1.Ledger", {"stacks"}},
                                        {"stackyard.internal.v1.Both", {"gateway", "runner"}}});
  return table;
}

bool Allows(std::string_view path, std::string_view peer, bool has_principal = false) {
  const absl::Status status = Table().Check(path, peer, has_principal);
  if (status.ok()) return true;
  EXPECT_EQ(ReasonOf(status), v1::PEER_REFUSED) << status;
  return false;
}

TEST(PeerTableTest, OnlyWhoIsNamedMayCall) {
  EXPECT_TRUE(Allows("/stackyard.v1.StackService/GetStack", "gateway"));
  EXPECT_TRUE(Allows("/stackyard.internal.v1.Ledger/Reserve", "stacks"));
  EXPECT_TRUE(Allows("/stackyard.internal.v1.Both/X", "runner"));
  EXPECT_FALSE(Allows("/stackyard.v1.StackService/GetStack", "runner"));
  EXPECT_FALSE(Allows("/stackyard.v1.StackService/GetStack", ""));
  EXPECT_FALSE(Allows("/stackyard.internal.v1.Ledger/Reserve", "gateway"));
  EXPECT_FALSE(Allows("/stackyard.internal.v1.Both/X", "stacks"));
}

TEST(PeerTableTest, WhatIsNotInTheTableIsNobodys) {
  for (const char* path : {"/stackyard.v1.RunService/GetRun", "/stackyard.v1.StackService",
                           "stackyard.v1.StackService/X", "/stackyard.v1.StackService/GetStack/X",
                           "//stackyard.v1.StackService/X", "/", "", "/X"}) {
    EXPECT_FALSE(Allows(path, "gateway")) << path;
  }
  EXPECT_FALSE(PeerTable().Check("/stackyard.v1.StackService/GetStack", "gateway", false).ok());
}

TEST(PeerTableTest, HealthAndReflectionAreForAllServices) {
  EXPECT_TRUE(Allows("/grpc.health.v1.Health/Check", "runner"));
  EXPECT_TRUE(Allows("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "runner"));
  EXPECT_FALSE(Allows("/grpc.healthy/Check", "runner"));
  EXPECT_TRUE(Table().Covers("grpc.health.v1.Health"));
  EXPECT_TRUE(Table().Covers("stackyard.v1.StackService"));
  EXPECT_FALSE(Table().Covers("stackyard.v1.RunService"));
}

TEST(PeerTableTest, OnlyTheGatewaySaysWhoCalls) {
  EXPECT_TRUE(Allows("/stackyard.internal.v1.Both/X", "gateway", true));
  EXPECT_FALSE(Allows("/stackyard.internal.v1.Both/X", "runner", true));
  EXPECT_FALSE(Allows("/grpc.health.v1.Health/Check", "runner", true));
}

}  // namespace
}  // namespace stackyard
