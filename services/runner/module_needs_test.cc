#include "services/runner/module_needs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/runner/file.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kAws[] = "registry.terraform.io/hashicorp/aws";

std::string Report(const std::string& configs, const std::string& modules = "",
                   const std::string& resources = "") {
  return R"({"resources": [)" + resources + R"(], "provider_configs": [)" + configs +
         R"(], "modules": [)" + modules + "]}";
}

std::string Config(const std::string& more = "") {
  return std::string(R"({"source": ")") + kAws + R"(", "local_name": "aws")" + more + "}";
}

TEST(ModuleNeedsTest, GathersTypesByMode) {
  const auto needs = ReadModuleNeeds(Report("", "", R"(
      {"mode": "managed", "type": "aws_s3_bucket", "name": "a"},
      {"mode": "managed", "type": "aws_s3_bucket", "name": "b", "module": "module.m"},
      {"mode": "data", "type": "aws_region", "name": "a"},
      {"mode": "ephemeral", "type": "aws_secret", "name": "a"})"));
  ASSERT_TRUE(needs.ok()) << needs.status();
  EXPECT_THAT(needs->types.managed, ElementsAre("aws_s3_bucket"));
  EXPECT_THAT(needs->types.data, ElementsAre("aws_region"));
  EXPECT_THAT(needs->types.ephemeral, ElementsAre("aws_secret"));
  EXPECT_THAT(needs->configured_in_many_ways, IsEmpty());
  EXPECT_FALSE(needs->calls_others);
}

TEST(ModuleNeedsTest, KnowsProvidersOfManyConfigurations) {
  EXPECT_THAT(ReadModuleNeeds(Report(Config()))->configured_in_many_ways, IsEmpty());
  for (const std::string& configs :
       {Config() + "," + Config(R"(, "module": "module.m")"), Config(R"(, "alias": "west")"),
        Config(R"(, "repeated": true)")}) {
    EXPECT_THAT(ReadModuleNeeds(Report(configs))->configured_in_many_ways, ElementsAre(kAws))
        << configs;
  }
}

TEST(ModuleNeedsTest, KnowsWhatWasNotRead) {
  EXPECT_FALSE(
      ReadModuleNeeds(Report("", R"({"source": "./net"}, {"source": "../a"})"))->calls_others);
  EXPECT_TRUE(
      ReadModuleNeeds(Report("", R"({"source": "./net"}, {"source": "a/b/c"})"))->calls_others);
}

TEST(ModuleNeedsTest, RefusesWhatIsNoReport) {
  for (const char* text : {"", "[]", "{}", R"({"resources": []})", R"({"resources": [{}]})"}) {
    EXPECT_EQ(ReadModuleNeeds(text).status().code(), absl::StatusCode::kInternal) << text;
  }
}

TEST(ModuleNeedsTest, IsKeptBesideTheModule) {
  const TempFolder folder;
  EXPECT_TRUE(absl::IsNotFound(NeedsOfPrepared(folder.path()).status()));
  ASSERT_TRUE(KeepModuleReport(folder.path(), Report(Config(R"(, "alias": "west")"))).ok());
  ASSERT_TRUE(MakeFolder(folder.path() + "/sub").ok());
  ASSERT_TRUE(MakeFolder(folder.path() + "/.terraform").ok());
  ASSERT_TRUE(WriteFile(folder.path() + "/main.tf", "locals { a = path.module }").ok());
  // Nothing of another module's.
  ASSERT_TRUE(WriteFile(folder.path() + "/.terraform/x.tf", "path.cwd").ok());
  const auto needs = NeedsOfPrepared(folder.path());
  ASSERT_TRUE(needs.ok()) << needs.status();
  EXPECT_THAT(needs->configured_in_many_ways, ElementsAre(kAws));
  EXPECT_FALSE(needs->names_absolute_paths);

  for (const char* word : {"path.cwd", "abspath(\".\")", "pathexpand(\"~\")"}) {
    ASSERT_TRUE(WriteFile(folder.path() + "/sub/a.tf", word).ok());
    EXPECT_TRUE(NeedsOfPrepared(folder.path())->names_absolute_paths) << word;
  }
}

}  // namespace
}  // namespace stackyard::runner
