#include "services/stacks/catalog_policy.h"

#include <gmock/gmock.h>

#include <fstream>

#include "services/stacks/test_faults.h"

namespace stackyard::stacks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(CatalogPolicyTest, WithoutAFileNothingRunsButTerraform) {
  const auto policy = LoadCatalogPolicy("");
  ASSERT_TRUE(policy.ok());
  EXPECT_THAT(policy->providers(), IsEmpty());
  EXPECT_THAT(policy->module_sources(), IsEmpty());
  EXPECT_THAT(policy->provisioners(), IsEmpty());
  EXPECT_THAT(policy->denied_data_sources(), ElementsAre("external"));
}

TEST(CatalogPolicyTest, ReadsAFullFile) {
  const auto policy = ParseCatalogPolicy("p.yaml", R"(
providers: [registry.terraform.io/hashicorp/*, "*/example/dns"]
module_sources:
  - git::https://git.example.com/*
provisioners: [local-exec]
denied_data_sources: []
)");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_THAT(policy->providers(),
              ElementsAre("registry.terraform.io/hashicorp/*", "*/example/dns"));
  EXPECT_THAT(policy->module_sources(), ElementsAre("git::https://git.example.com/*"));
  EXPECT_THAT(policy->provisioners(), ElementsAre("local-exec"));
  EXPECT_THAT(policy->denied_data_sources(), IsEmpty());
}

TEST(CatalogPolicyTest, WhatIsLeftOutIsAsInTheDefault) {
  for (const char* yaml : {"", "# nothing\n", "provisioners: []\n"}) {
    const auto policy = ParseCatalogPolicy("p.yaml", yaml);
    ASSERT_TRUE(policy.ok()) << policy.status();
    EXPECT_THAT(policy->denied_data_sources(), ElementsAre("external")) << yaml;
  }
}

TEST(CatalogPolicyTest, NamesEveryFaultWithItsLine) {
  const auto policy = ParseCatalogPolicy("p.yaml", R"(providers: [hashicorp/aws]
provisioner: [local-exec]
module_sources: all
denied_data_sources: [External]
)");
  EXPECT_THAT(FaultsOf(policy.status()),
              testing::UnorderedElementsAre(HasSubstr("p.yaml:1: providers[0] must be a source"),
                                            HasSubstr("p.yaml:2: p.yaml has no key `provisioner`"),
                                            HasSubstr("p.yaml:3: module_sources must be a list"),
                                            HasSubstr("p.yaml:4: denied_data_sources[0] must be")));
}

TEST(CatalogPolicyTest, AFileThatIsNoneIsOneClearLine) {
  const std::string path = testing::TempDir() + "catalog-policy.yaml";
  std::ofstream(path) << "nonsense: true\nmore: [\n";
  for (const std::string& file :
       {path, std::string("/nonexistent/policy.yaml"), std::string("/tmp")}) {
    const auto policy = LoadCatalogPolicy(file);
    EXPECT_EQ(policy.status().code(), absl::StatusCode::kInvalidArgument) << file;
    EXPECT_THAT(std::string(policy.status().message()), HasSubstr("--catalog-policy"));
    EXPECT_EQ(policy.status().message().find('\n'), absl::string_view::npos);
  }
}

}  // namespace
}  // namespace stackyard::stacks
