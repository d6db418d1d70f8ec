#include "services/runner/resource_address.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace stackyard::runner {
namespace {

TEST(ResourceAddressTest, InItsParts) {
  const auto address =
      ResourceAddress::Parse(R"(module.net["a.b[\"0\"]"].module.x[3].data.aws_subnet.one["$${k"])");
  ASSERT_TRUE(address.ok()) << address.status();
  ASSERT_EQ(address->modules.size(), 2U);
  EXPECT_EQ(address->modules[0].first, "net");
  EXPECT_EQ(std::get<std::string>(address->modules[0].second), "a.b[\"0\"]");
  EXPECT_EQ(std::get<int64_t>(address->modules[1].second), 3);
  EXPECT_TRUE(address->is_data);
  EXPECT_EQ(address->type, "aws_subnet");
  EXPECT_EQ(address->name, "one");
  EXPECT_EQ(std::get<std::string>(address->key), "${k");
  EXPECT_EQ(*KeyText(address->key), R"(["$${k"])");
  EXPECT_EQ(*KeyText(address->modules[0].second), R"(["a.b[\"0\"]"])");
  EXPECT_EQ(*KeyText(address->modules[1].second), "[3]");
}

TEST(ResourceAddressTest, SortedAsTerraformLists) {
  const std::vector<std::string> order = {"data.b.x",
                                          "a.x",
                                          "a.y",
                                          "a.y[2]",
                                          "a.y[10]",
                                          "a.y[\"k\"]",
                                          "b.x",
                                          "module.m.a.x",
                                          "module.m[0].a.x",
                                          "module.n.a.x",
                                          "module.m.module.m.a.x"};
  std::vector<ResourceAddress> addresses;
  for (auto text = order.rbegin(); text != order.rend(); ++text) {
    addresses.push_back(*ResourceAddress::Parse(*text));
  }
  std::sort(addresses.begin(), addresses.end());
  for (size_t i = 0; i < order.size(); ++i) {
    const ResourceAddress expected = *ResourceAddress::Parse(order[i]);
    EXPECT_FALSE(addresses[i] < expected || expected < addresses[i]) << order[i];
  }
}

TEST(ResourceAddressTest, WhatIsNone) {
  for (const char* text : {"", "a", "a.", ".b", "a.b.c", "a.b[", "a.b[x]", "a.b[\"x]", "a.b[0]c",
                           "module.m", "module.m.a", "data.a", "a.b[\"\\u00e4\"]"}) {
    EXPECT_FALSE(ResourceAddress::Parse(text).ok()) << text;
  }
  EXPECT_FALSE(KeyText(std::string("ä")).ok());
}

}  // namespace
}  // namespace stackyard::runner
