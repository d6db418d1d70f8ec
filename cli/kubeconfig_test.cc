#include "cli/kubeconfig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace stackyard::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kMore[] = R"(
apiVersion: v1
kind: Config
current-context: inner
clusters: [{name: eks, cluster: {server: "https://new"}}, {name: other, cluster: {server: x}}]
users: [{name: me, user: {token: "0123"}}]
contexts: [{name: inner, context: {cluster: eks, user: me, namespace: apps}}]
)";

constexpr char kHave[] = R"(apiVersion: v1
kind: Config
preferences: {}
current-context: home
clusters:
- cluster:
    certificate-authority-data: "LS0t"
    server: https://home
  name: home
- {name: web/greeting, cluster: {server: "https://old"}}
users:
- name: home
  user:
    password: "1234"
    exec: {args: ["yes", "~", "a: b"], env: null}
contexts:
- {name: home, context: {cluster: home, user: home}}
)";

TEST(MergeKubeconfig, AddsAndReplacesAndKeepsTheRest) {
  const auto merged = MergeKubeconfig("config", kHave, kMore, "web/greeting", true);
  ASSERT_TRUE(merged.ok()) << merged.status();
  const YAML::Node file = YAML::Load(*merged);
  EXPECT_EQ(file["current-context"].as<std::string>(), "web/greeting");
  ASSERT_EQ(file["clusters"].size(), 2u) << *merged;
  EXPECT_EQ(file["clusters"][0]["cluster"]["server"].as<std::string>(), "https://home");
  EXPECT_EQ(file["clusters"][1]["cluster"]["server"].as<std::string>(), "https://new");
  ASSERT_EQ(file["users"].size(), 2u);
  EXPECT_EQ(file["users"][1]["user"]["token"].as<std::string>(), "0123");
  ASSERT_EQ(file["contexts"].size(), 2u);
  EXPECT_EQ(file["contexts"][1]["context"]["cluster"].as<std::string>(), "web/greeting");
  EXPECT_EQ(file["contexts"][1]["context"]["namespace"].as<std::string>(), "apps");
  // What was a text stays one for every reader.
  EXPECT_THAT(*merged, HasSubstr("password: \"1234\""));
  EXPECT_THAT(*merged, HasSubstr("\"yes\""));
  EXPECT_THAT(*merged, HasSubstr("token: \"0123\""));
  EXPECT_TRUE(file["users"][0]["user"]["exec"]["env"].IsNull());

  const auto again = MergeKubeconfig("config", *merged, kMore, "web/greeting", true);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, *merged) << "a second time changes nothing";
  const auto kept = MergeKubeconfig("config", kHave, kMore, "x", false);
  EXPECT_THAT(*kept, HasSubstr("current-context: home"));
}

TEST(MergeKubeconfig, MakesAFile) {
  const auto merged = MergeKubeconfig("config", "", kMore, "x", true);
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_THAT(*merged, HasSubstr("kind: Config"));
  EXPECT_THAT(*merged, Not(HasSubstr("other")));
}

TEST(MergeKubeconfig, TouchesNothingThatItDoesNotKnow) {
  for (const char* have : {"just a text", "clusters: {a: b}", "users: [{user: {}}]", "a: [\n"}) {
    EXPECT_FALSE(MergeKubeconfig("config", have, kMore, "x", true).ok()) << have;
  }
  for (const char* more : {"", "{}", "current-context: a",
                           "contexts: [{name: a, context: {cluster: c, user: u}}]", "<html>"}) {
    EXPECT_FALSE(MergeKubeconfig("config", kHave, more, "x", true).ok()) << more;
  }
}

}  // namespace
}  // namespace stackyard::cli
