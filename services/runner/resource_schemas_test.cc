#include "services/runner/resource_schemas.h"

#include <gtest/gtest.h>

#include "services/runner/testing/wire_message.h"

namespace stackyard::runner {
namespace {

using nlohmann::json;

constexpr char kSource[] = "registry.terraform.io/acme/vault";
constexpr int kSensitive = 7;
constexpr int kSingle = 1, kList = 2, kSet = 3, kMap = 4, kGroup = 5;

WireMessage Attribute(std::string_view name, std::string_view type = "\"string\"") {
  return WireMessage().Bytes(1, name).Bytes(2, type);
}
WireMessage Secret(std::string_view name) { return Attribute(name).Number(kSensitive, 1); }

// One secret and one open attribute.
WireMessage SecretBlock() {
  return WireMessage().Message(2, Attribute("open")).Message(2, Secret("secret"));
}
WireMessage NestedBlock(std::string_view name, int nesting) {
  return WireMessage().Bytes(1, name).Message(2, SecretBlock()).Number(3, nesting);
}
// An attribute of protocol 6 whose attributes have schemas.
WireMessage NestedAttribute(std::string_view name, int nesting) {
  const WireMessage object =
      WireMessage().Message(1, Attribute("open")).Message(1, Secret("secret")).Number(3, nesting);
  return WireMessage().Bytes(1, name).Message(10, object);
}

WireMessage Response(std::string_view type, const WireMessage& block) {
  const WireMessage schema = WireMessage().Number(1, 3).Message(2, block);
  const WireMessage entry = WireMessage().Bytes(1, type).Message(2, schema);
  return WireMessage().Message(1, schema).Message(2, entry);
}

// Marks of a value of the one type of a provider.
json Marks(const WireMessage& block, const char* value) {
  ResourceSchemas schemas;
  EXPECT_TRUE(schemas.AddProvider(kSource, Response("acme_box", block).bytes()).ok());
  const ResourceSchema* schema = schemas.Find(kSource, ResourceMode::kManaged, "acme_box");
  if (schema == nullptr) return "not known";
  return schema->SensitiveMarks(json::parse(value));
}

TEST(ResourceSchemasTest, KnowsWhatItWasTold) {
  ResourceSchemas schemas;
  EXPECT_EQ(schemas.Find(kSource, ResourceMode::kManaged, "acme_box"), nullptr);
  ASSERT_TRUE(schemas.AddProvider(kSource, Response("acme_box", SecretBlock()).bytes()).ok());
  const ResourceSchema* schema = schemas.Find(kSource, ResourceMode::kManaged, "acme_box");
  ASSERT_NE(schema, nullptr);
  EXPECT_EQ(schema->type(), json::parse(R"(["object",{"open":"string","secret":"string"}])"));
  EXPECT_EQ(schemas.Find(kSource, ResourceMode::kManaged, "acme_bag"), nullptr) << "pruned";
  EXPECT_EQ(schemas.Find(kSource, ResourceMode::kData, "acme_box"), nullptr);
  EXPECT_EQ(schemas.Find("example.com/acme/vault", ResourceMode::kManaged, "acme_box"), nullptr);
}

TEST(ResourceSchemasTest, DataSourcesApart) {
  ResourceSchemas schemas;
  const WireMessage entry =
      WireMessage()
          .Bytes(1, "acme_box")
          .Message(2, WireMessage().Message(2, WireMessage().Message(2, Attribute("id"))));
  ASSERT_TRUE(schemas.AddProvider(kSource, WireMessage().Message(3, entry).bytes()).ok());
  EXPECT_EQ(schemas.Find(kSource, ResourceMode::kManaged, "acme_box"), nullptr);
  EXPECT_NE(schemas.Find(kSource, ResourceMode::kData, "acme_box"), nullptr);
}

TEST(ResourceSchemasTest, TheBuiltInProviderNeedsNoAnswer) {
  const ResourceSchemas schemas;
  const ResourceSchema* schema =
      schemas.Find("terraform.io/builtin/terraform", ResourceMode::kManaged, "terraform_data");
  ASSERT_NE(schema, nullptr);
  EXPECT_EQ(schema->SensitiveMarks(json::parse(R"({"id":"1","input":{"a":1}})")), json::object());
  EXPECT_EQ(schema->type()[1]["input"], "dynamic");
}

TEST(ResourceSchemasTest, AttributesAreMarkedWhateverTheyHold) {
  EXPECT_EQ(Marks(SecretBlock(), R"({"open":"x","secret":"y"})"), json({{"secret", true}}));
  EXPECT_EQ(Marks(SecretBlock(), R"({"open":"x","secret":null})"), json({{"secret", true}}));
  EXPECT_EQ(Marks(SecretBlock(), "null"), json(false));
}

TEST(ResourceSchemasTest, WhatIsOnlyWrittenIsSecret) {
  // The same number is another field in the two versions of the protocol.
  for (const int write_only : {10, 11}) {
    const WireMessage block = WireMessage().Message(2, Attribute("password").Number(write_only, 1));
    EXPECT_EQ(Marks(block, R"({"password":null})"), json({{"password", true}})) << write_only;
  }
}

TEST(ResourceSchemasTest, BlocksOfEachNesting) {
  const auto block = [](int nesting) {
    return WireMessage().Message(3, NestedBlock("b", nesting));
  };
  const json one = json::parse(R"({"b":{"secret":true}})");
  EXPECT_EQ(Marks(block(kSingle), R"({"b":{"open":"x","secret":"y"}})"), one);
  EXPECT_EQ(Marks(block(kGroup), R"({"b":{"open":"x","secret":"y"}})"), one);
  EXPECT_EQ(Marks(block(kSingle), R"({"b":null})"), json::object());
  EXPECT_EQ(Marks(block(kList), R"({"b":[{"secret":"y"},{"secret":"z"}]})"),
            json::parse(R"({"b":[{"secret":true},{"secret":true}]})"));
  EXPECT_EQ(Marks(block(kMap), R"({"b":{"k":{"secret":"y"}}})"),
            json::parse(R"({"b":{"k":{"secret":true}}})"));
  EXPECT_EQ(Marks(block(kSet), R"({"b":[{"secret":"y"}]})"), json({{"b", true}}))
      << "elements of a set have no place of their own";
  EXPECT_EQ(Marks(block(kSet), R"({"b":[]})"), json::object());
}

TEST(ResourceSchemasTest, AttributesWithSchemasOfEachNesting) {
  const auto block = [](int nesting) {
    return WireMessage().Message(2, NestedAttribute("a", nesting));
  };
  EXPECT_EQ(Marks(block(kSingle), R"({"a":{"open":"x","secret":"y"}})"),
            json::parse(R"({"a":{"secret":true}})"));
  EXPECT_EQ(Marks(block(kList), R"({"a":[{"secret":"y"}]})"),
            json::parse(R"({"a":[{"secret":true}]})"));
  EXPECT_EQ(Marks(block(kMap), R"({"a":{"k":{"secret":"y"}}})"),
            json::parse(R"({"a":{"k":{"secret":true}}})"));
  EXPECT_EQ(Marks(block(kSet), R"({"a":[{"secret":"y"}]})"), json({{"a", true}}));
  const WireMessage whole =
      WireMessage().Message(2, NestedAttribute("a", kList).Number(kSensitive, 1));
  EXPECT_EQ(Marks(whole, R"({"a":[{"secret":"y"}]})"), json({{"a", true}}));
}

TEST(ResourceSchemasTest, TypesAreAsTerraformSpellsThem) {
  ResourceSchemas schemas;
  const WireMessage block = WireMessage()
                                .Message(2, Attribute("tags", R"(["map","string"])"))
                                .Message(2, NestedAttribute("a", kSet))
                                .Message(3, NestedBlock("b", kList));
  ASSERT_TRUE(schemas.AddProvider(kSource, Response("acme_box", block).bytes()).ok());
  const json inner = json::parse(R"(["object",{"open":"string","secret":"string"}])");
  const json& members = schemas.Find(kSource, ResourceMode::kManaged, "acme_box")->type()[1];
  EXPECT_EQ(members["tags"], json({"map", "string"}));
  EXPECT_EQ(members["a"], json({"set", inner}));
  EXPECT_EQ(members["b"], json({"list", inner}));
}

TEST(ResourceSchemasTest, WhatIsNoAnswerChangesNothing) {
  ResourceSchemas schemas;
  const std::string good = Response("acme_box", SecretBlock()).bytes();
  WireMessage deep = SecretBlock();
  for (int i = 0; i < 1000; ++i) {
    deep = WireMessage().Message(3, WireMessage().Bytes(1, "b").Message(2, deep).Number(3, 1));
  }
  const std::string bad[] = {
      good.substr(0, good.size() - 1),
      good + "\xff",
      "no message at all",
      Response("acme_box", WireMessage().Message(3, NestedBlock("b", 9))).bytes(),
      Response("acme_box", WireMessage().Message(2, WireMessage().Bytes(1, "untyped"))).bytes(),
      Response("acme_box", WireMessage().Message(2, Attribute("x", "no JSON"))).bytes(),
      Response("acme_box", deep).bytes(),
      WireMessage().Message(2, WireMessage().Bytes(1, "acme_box")).bytes(),
  };
  for (const std::string& response : bad) {
    EXPECT_EQ(schemas.AddProvider(kSource, response).code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(schemas.Find(kSource, ResourceMode::kManaged, "acme_box"), nullptr);
  }
}

}  // namespace
}  // namespace stackyard::runner
