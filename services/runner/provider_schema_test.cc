#include "services/runner/provider_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "services/runner/testing/wire_message.h"
#include "services/runner/wire_fields.h"

namespace stackyard::runner {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

WireMessage Entry(const std::string& key, const std::string& value) {
  return WireMessage().Bytes(1, key).Bytes(2, value);
}

// The entries of a map, in order.
std::map<std::string, std::string> MapOf(const std::string& message, int number) {
  std::map<std::string, std::string> entries;
  EXPECT_TRUE(ForEachField(message, [&](const WireField& field) {
                if (field.number != number) return absl::OkStatus();
                std::string key;
                std::string value;
                const absl::Status read = ForEachField(field.bytes, [&](const WireField& part) {
                  (part.number == 1 ? key : value) = std::string(part.bytes);
                  return absl::OkStatus();
                });
                entries[key] = value;
                return read;
              }).ok());
  return entries;
}

std::string Answer() {
  return WireMessage()
      .Bytes(1, "provider")
      .Message(2, Entry("a_bucket", "managed bucket"))
      .Message(2, Entry("a_queue", "managed queue"))
      .Message(3, Entry("a_bucket", "data bucket"))
      .Message(3, Entry("a_region", "data region"))
      .Bytes(5, "meta")
      .Message(6, WireMessage().Number(1, 1).Number(2, 1))
      .Message(7, Entry("parse", "function"))
      .Message(8, Entry("a_secret", "ephemeral secret"))
      .Message(8, Entry("a_token", "ephemeral token"))
      .Message(9, Entry("a_bucket", "list of buckets"))
      .Message(9, Entry("a_queue", "list of queues"))
      .Message(11, Entry("a_invoke", "action"))
      .Number(1999, 7)
      .bytes();
}

TEST(ProviderSchemaTest, KeepsTheTypesOfEachKind) {
  const auto pruned = PruneSchemas(Answer(), {{"a_bucket"}, {"a_region"}, {"a_token"}});
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_THAT(MapOf(*pruned, 2), ElementsAre(Pair("a_bucket", "managed bucket")));
  EXPECT_THAT(MapOf(*pruned, 3), ElementsAre(Pair("a_region", "data region")));
  EXPECT_THAT(MapOf(*pruned, 8), ElementsAre(Pair("a_token", "ephemeral token")));
  EXPECT_THAT(MapOf(*pruned, 9), ElementsAre(Pair("a_bucket", "list of buckets")));
}

TEST(ProviderSchemaTest, LeavesTheRestByteByByte) {
  const auto pruned = PruneSchemas(Answer(), {});
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_EQ(*pruned, WireMessage()
                         .Bytes(1, "provider")
                         .Bytes(5, "meta")
                         .Message(6, WireMessage().Number(1, 1).Number(2, 1))
                         .Message(7, Entry("parse", "function"))
                         .Message(11, Entry("a_invoke", "action"))
                         .Number(1999, 7)
                         .bytes());
  const ProviderTypes all{
      {"a_bucket", "a_queue"}, {"a_bucket", "a_region"}, {"a_secret", "a_token"}};
  EXPECT_EQ(*PruneSchemas(Answer(), all), Answer());
}

TEST(ProviderSchemaTest, PrunesIdentities) {
  const std::string answer =
      WireMessage().Message(1, Entry("a_bucket", "x")).Message(1, Entry("a_queue", "y")).bytes();
  const auto pruned = PruneIdentities(answer, {{"a_queue"}, {"a_bucket"}, {}});
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_THAT(MapOf(*pruned, 1), ElementsAre(Pair("a_queue", "y")));
}

TEST(ProviderSchemaTest, RefusesWhatIsNoMessage) {
  const std::string answer = Answer();
  EXPECT_EQ(PruneSchemas(answer.substr(0, answer.size() - 1), {}).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(PruneSchemas(WireMessage().Number(2, 5).bytes(), {}).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(ProviderSchemaTest, KnowsWhoMustBeAsked) {
  EXPECT_FALSE(*MustAskSchemas(Answer()));
  EXPECT_TRUE(*MustAskSchemas(WireMessage().Bytes(1, "provider").bytes()));
  EXPECT_TRUE(*MustAskSchemas(WireMessage().Message(6, WireMessage().Number(1, 1)).bytes()));
}

TEST(ProviderSchemaTest, SeesErrors) {
  const auto with = [](uint64_t severity) {
    return WireMessage().Message(2, WireMessage().Number(1, severity).Bytes(2, "summary")).bytes();
  };
  EXPECT_TRUE(*HasErrorDiagnostic(with(1), 2));
  EXPECT_FALSE(*HasErrorDiagnostic(with(1), 1));
  EXPECT_FALSE(*HasErrorDiagnostic(with(2), 2));
  EXPECT_FALSE(*HasErrorDiagnostic("", 2));
}

TEST(ProviderSchemaTest, ReadsTheTypesOfAState) {
  const auto types = TypesInState(R"({"version": 4, "resources": [
      {"mode": "managed", "type": "a_bucket", "name": "x", "instances": []},
      {"mode": "data", "type": "a_region", "name": "x", "module": "module.m"}]})");
  ASSERT_TRUE(types.ok()) << types.status();
  EXPECT_THAT(types->managed, ElementsAre("a_bucket"));
  EXPECT_THAT(types->data, ElementsAre("a_region"));
  EXPECT_THAT(TypesInState("")->managed, IsEmpty());
  EXPECT_THAT(TypesInState(R"({"resources": null})")->managed, IsEmpty());
  EXPECT_FALSE(TypesInState("{").ok());
  EXPECT_FALSE(TypesInState(R"({"resources": [{"type": "a_bucket"}]})").ok());
}

}  // namespace
}  // namespace stackyard::runner
