#include "common/spiffe_id.h"

#include <gtest/gtest.h>

namespace stackyard {
namespace {

TEST(SpiffeIdTest, TheLastPartIsTheService) {
  const auto id = ParseSpiffeId("spiffe://stackyard/stacks");
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(id->mesh, "spiffe://stackyard");
  EXPECT_EQ(id->service, "stacks");
}

TEST(SpiffeIdTest, KubernetesNamesHaveMorePath) {
  const auto id = ParseSpiffeId("spiffe://cluster.local/ns/prod/sa/stackyard-runner");
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(id->mesh, "spiffe://cluster.local/ns/prod/sa");
  EXPECT_EQ(id->service, "runner");
}

TEST(SpiffeIdTest, RefusesAllElse) {
  for (const char* uri :
       {"", "spiffe://", "spiffe://stackyard", "spiffe://stackyard/", "spiffe:///stacks",
        "spiffe://stackyard//stacks", "spiffe://stackyard/../stacks", "spiffe://stackyard/./stacks",
        "spiffe://Stackyard/stacks", "spiffe://stackyard:1/stacks", "spiffe://a@stackyard/stacks",
        "spiffe://stackyard/stacks?a", "spiffe://stackyard/stacks#a", "spiffe://stackyard/st%61cks",
        "spiffe://stackyard/stackyard-", "https://stackyard/stacks", "SPIFFE://stackyard/stacks"}) {
    EXPECT_FALSE(ParseSpiffeId(uri).ok()) << uri;
  }
  EXPECT_FALSE(ParseSpiffeId("spiffe://stackyard/" + std::string(2048, 'a')).ok());
  EXPECT_FALSE(ParseSpiffeId(std::string("spiffe://stackyard/stacks\0x", 27)).ok());
}

}  // namespace
}  // namespace stackyard
