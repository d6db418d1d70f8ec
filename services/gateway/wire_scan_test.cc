#include "services/gateway/wire_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "common/status.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::gateway {
namespace {

using ::testing::HasSubstr;

// UpdateStackRequest.stack.name, and a plain one.
const FieldPath kNested{{1, 1}, "stack.name"};
const FieldPath kPlain{{1}, "name"};

std::string Bytes(std::initializer_list<int> bytes) {
  return std::string(bytes.begin(), bytes.end());
}

void ExpectRefused(const std::string& message, const FieldPath& path, const std::string& why) {
  const auto found = ScanString(message, path);
  ASSERT_FALSE(found.ok()) << "found " << *found;
  EXPECT_EQ(ReasonOf(found.status()), v1::INVALID_FIELD);
  EXPECT_THAT(std::string(found.status().message()), HasSubstr(why));
}

TEST(WireScan, FindsAPlainField) {
  v1::GetStackRequest request;
  request.set_name("projects/web/stacks/shop");
  EXPECT_EQ(*ScanString(request.SerializeAsString(), kPlain), "projects/web/stacks/shop");
}

TEST(WireScan, FindsANestedField) {
  v1::UpdateStackRequest request;
  request.mutable_stack()->set_name("projects/web/stacks/shop");
  request.mutable_stack()->set_etag("e");
  request.set_request_id("r");
  EXPECT_EQ(*ScanString(request.SerializeAsString(), kNested), "projects/web/stacks/shop");
}

TEST(WireScan, AbsentIsEmpty) {
  EXPECT_EQ(*ScanString("", kPlain), "");
  v1::UpdateStackRequest request;
  request.set_request_id("r");
  EXPECT_EQ(*ScanString(request.SerializeAsString(), kNested), "");
  request.mutable_stack()->set_etag("e");
  EXPECT_EQ(*ScanString(request.SerializeAsString(), kNested), "");
}

// Parsers take the last of two strings, and merge two messages.
TEST(WireScan, RefusesAFieldThatOccursTwice) {
  v1::GetStackRequest mine, theirs;
  mine.set_name("projects/mine/stacks/a");
  theirs.set_name("projects/theirs/stacks/b");
  ExpectRefused(mine.SerializeAsString() + theirs.SerializeAsString(), kPlain, "more than once");
  // Also when one of them is empty.
  ExpectRefused(mine.SerializeAsString() + Bytes({0x0a, 0x00}), kPlain, "more than once");
}

TEST(WireScan, RefusesANestedMessageThatOccursTwice) {
  v1::UpdateStackRequest mine, theirs;
  mine.mutable_stack()->set_name("projects/mine/stacks/a");
  theirs.mutable_stack()->set_name("projects/theirs/stacks/b");
  ExpectRefused(mine.SerializeAsString() + theirs.SerializeAsString(), kNested, "more than once");
}

TEST(WireScan, RefusesAFieldThatOccursTwiceInANestedMessage) {
  const std::string name = Bytes({0x0a, 0x01, 'x'});
  ExpectRefused(Bytes({0x0a, 0x06}) + name + name, kNested, "more than once");
}

// The tag 10 with a needless byte is the same field to a parser.
TEST(WireScan, SeesThroughLongTags) {
  const std::string plain = Bytes({0x0a, 0x01, 'x'});
  const std::string padded = Bytes({0x8a, 0x00, 0x01, 'y'});
  EXPECT_EQ(*ScanString(padded, kPlain), "y");
  ExpectRefused(plain + padded, kPlain, "more than once");
}

// 2^32 + 10: a parser that keeps 32 bits reads the tag 10, so it must not pass as another field.
TEST(WireScan, RefusesTagsWithBitsThatParsersDrop) {
  const std::string alias = Bytes({0x8a, 0x80, 0x80, 0x80, 0x10, 0x01, 'y'});
  v1::GetStackRequest parsed;
  ASSERT_TRUE(parsed.ParseFromString(alias));
  EXPECT_EQ(parsed.name(), "y");
  ExpectRefused(alias, kPlain, "not a serialised message");
  ExpectRefused(Bytes({0x8a, 0x80, 0x80, 0x80, 0x80, 0x00, 0x01, 'y'}), kPlain,
                "not a serialised message");
}

TEST(WireScan, RefusesAnotherWireType) { ExpectRefused(Bytes({0x08, 0x01}), kPlain, "wire type"); }

TEST(WireScan, RefusesWhatIsNoMessage) {
  for (const std::string& bytes :
       {Bytes({0x0a}), Bytes({0x0a, 0x05, 'x'}), Bytes({0x80}), Bytes({0x02, 0x00}),
        Bytes({0x0b, 0x0c}), Bytes({0x0e, 0x00}), Bytes({0x0f}), Bytes({0x11, 0x00}),
        Bytes({0x15, 0x00}), Bytes({0x10, 0x80}), Bytes({0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 'x'}),
        Bytes({0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 'x'}),
        Bytes({0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})}) {
    ExpectRefused(bytes, kPlain, "not a serialised message");
  }
}

// What comes behind the field counts too: it could be the field once more.
TEST(WireScan, ReadsToTheEnd) {
  ExpectRefused(Bytes({0x0a, 0x01, 'x', 0x80}), kPlain, "not a serialised message");
}

// Whatever bytes come, the scan never finds a name that the parser would not.
TEST(WireScan, AgreesWithTheParserOnDamagedMessages) {
  // The parser complains of each bad string.
  google::protobuf::SetLogHandler(nullptr);
  std::mt19937 random(7);
  const auto below = [&](size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(random);
  };
  int agreed = 0;
  for (int round = 0; round < 200'000; ++round) {
    v1::UpdateStackRequest request;
    request.mutable_stack()->set_name("projects/web/stacks/shop");
    request.mutable_stack()->set_etag("etag");
    request.mutable_update_mask()->add_paths("labels");
    if (below(2) == 0) request.set_request_id(std::string(below(200), 'r'));
    std::string bytes = request.SerializeAsString();
    for (size_t damage = below(4); damage > 0; --damage) {
      switch (below(4)) {
        case 0:
          bytes[below(bytes.size())] = static_cast<char>(below(256));
          break;
        case 1:
          bytes.insert(below(bytes.size()), 1, static_cast<char>(below(256)));
          break;
        case 2:
          bytes.erase(below(bytes.size()), 1 + below(3));
          break;
        default: {
          const size_t from = below(bytes.size());
          bytes.insert(below(bytes.size()), bytes.substr(from, 1 + below(40)));
        }
      }
      if (bytes.empty()) break;
    }
    const auto found = ScanString(bytes, kNested);
    if (!found.ok() || !request.ParseFromString(bytes)) continue;
    ASSERT_EQ(*found, request.stack().name());
    ++agreed;
  }
  EXPECT_GT(agreed, 20'000);
}

}  // namespace
}  // namespace stackyard::gateway
