#include "services/gateway/oidc_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/status.h"
#include "services/gateway/test_gateway.h"

namespace stackyard::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Fault(const std::string& yaml) {
  const auto providers = ParseOidcProviders("oidc.yaml", yaml);
  EXPECT_FALSE(providers.ok()) << yaml;
  return std::string(providers.status().message());
}

TEST(OidcProviderTest, SaysLittleAndGetsDefaults) {
  const auto providers =
      ParseOidcProviders("oidc.yaml", "- issuer: https://id.example.com\n  client_id: stackyard\n");
  ASSERT_TRUE(providers.ok()) << providers.status();
  ASSERT_EQ(providers->size(), 1u);
  const OidcProvider& provider = providers->front();
  EXPECT_EQ(provider.issuer, "https://id.example.com");
  EXPECT_THAT(provider.audiences, ElementsAre("stackyard"));
  EXPECT_EQ(provider.display_name, "https://id.example.com");
  EXPECT_THAT(provider.scopes, ElementsAre("openid", "profile", "email"));
  EXPECT_EQ(provider.username_claim, "");
  EXPECT_EQ(provider.groups_claim, "groups");
  EXPECT_THAT(provider.algorithms, ElementsAre("RS256", "ES256"));
  EXPECT_THAT(provider.allowed_domains, IsEmpty());
  EXPECT_FALSE(provider.link_existing);
}

TEST(OidcProviderTest, SaysEverything) {
  const auto providers = ParseOidcProviders("oidc.yaml", R"(
- issuer: https://id.example.com/realms/a
  client_id: stackyard
  audiences: [stackyard, console]
  display_name: Example
  scopes: [openid, groups]
  username_claim: preferred_username
  groups_claim: realm_access.roles
  username_prefix: ex-
  groups_prefix: "ex:"
  allowed_domains: [example.com]
  ca_file: /etc/ssl/example.pem
  algorithms: [ES256]
  link_existing: true
- issuer: http://127.0.0.1:5556
  client_id: other
  groups_claim: ""
)");
  ASSERT_TRUE(providers.ok()) << providers.status();
  ASSERT_EQ(providers->size(), 2u);
  const OidcProvider& provider = providers->front();
  EXPECT_THAT(provider.audiences, ElementsAre("stackyard", "console"));
  EXPECT_EQ(provider.display_name, "Example");
  EXPECT_THAT(provider.scopes, ElementsAre("openid", "groups"));
  EXPECT_EQ(provider.username_claim, "preferred_username");
  EXPECT_EQ(provider.groups_claim, "realm_access.roles");
  EXPECT_EQ(provider.username_prefix, "ex-");
  EXPECT_EQ(provider.groups_prefix, "ex:");
  EXPECT_THAT(provider.allowed_domains, ElementsAre("example.com"));
  EXPECT_EQ(provider.ca_file, "/etc/ssl/example.pem");
  EXPECT_THAT(provider.algorithms, ElementsAre("ES256"));
  EXPECT_TRUE(provider.link_existing);
  EXPECT_EQ((*providers)[1].groups_claim, "");
}

TEST(OidcProviderTest, TellsEveryFaultWithItsLine) {
  const std::string fault = Fault(R"(- issuer: http://id.example.com
  client_id: ""
  algorithms: [RS256, HS256]
  allowed_domains: [Example.com]
  username_prefix: "A b"
  audience: stackyard
- client_id: x
)");
  for (const char* part :
       {"oidc.yaml:1: provider 1.issuer", "oidc.yaml:2: provider 1.client_id must not be empty",
        "oidc.yaml:3: provider 1.algorithms", "oidc.yaml:4: provider 1.allowed_domains",
        "oidc.yaml:5: provider 1.username_prefix", "oidc.yaml:6: provider 1 has no key `audience`",
        "oidc.yaml:7: provider 2 must have `issuer`"}) {
    EXPECT_THAT(fault, HasSubstr(part));
  }
}

TEST(OidcProviderTest, WhatIsNoListOfProviders) {
  EXPECT_THAT(Fault(""), HasSubstr("must be a list"));
  EXPECT_THAT(Fault("[]"), HasSubstr("names no provider"));
  EXPECT_THAT(Fault("issuer: https://id.example.com"), HasSubstr("must be a list"));
  EXPECT_THAT(Fault("- [1"), HasSubstr("is no YAML"));
  EXPECT_THAT(Fault("- &a {issuer: x}\n- *a\n"), HasSubstr("aliases"));
  const std::string one = "- {issuer: https://id.example.com, client_id: x}\n";
  EXPECT_THAT(Fault(one + one), HasSubstr("oidc.yaml:2: provider 2 has the issuer of another"));
}

TEST(OidcProviderTest, AFileThatCannotBeUsedIsOneLine) {
  const TestFolder folder;
  EXPECT_TRUE(LoadOidcProviders("")->empty());
  EXPECT_THAT(std::string(LoadOidcProviders(folder / "none").status().message()),
              HasSubstr("cannot be read"));
  const std::string path = folder / "oidc.yaml";
  std::ofstream(path) << "- issuer: x\n- issuer: y\n";
  const std::string fault(LoadOidcProviders(path).status().message());
  EXPECT_THAT(fault, HasSubstr("--oidc-file: oidc.yaml:1"));
  EXPECT_THAT(fault, Not(HasSubstr("\n")));
  std::ofstream(path) << "- {issuer: https://a.example, client_id: x, ca_file: /none.pem}\n";
  EXPECT_THAT(std::string(LoadOidcProviders(path).status().message()), HasSubstr("/none.pem"));
}

}  // namespace
}  // namespace stackyard::gateway
