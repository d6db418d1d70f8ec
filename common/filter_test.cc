#include "common/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "google/longrunning/operations.pb.h"
#include "google/protobuf/text_format.h"
#include "stackyard/v1/catalog.pb.h"
#include "stackyard/v1/change_requests.pb.h"
#include "stackyard/v1/credentials.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard {
namespace {

using ::testing::HasSubstr;

template <typename T>
T FromText(const std::string& text) {
  T message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

v1::Stack ShopStack() {
  return FromText<v1::Stack>(R"(
    name: "projects/shop/stacks/web"
    display_name: "Die Größe \"A\" *"
    creator: "users/ada"
    state: READY
    latest_revision: 9007199254740993
    resource_count: -3
    labels { key: "team" value: "web" }
    labels { key: "a.b" value: "dotted" }
    lease { duration { seconds: 3600 nanos: 500000000 } extended: true }
    create_time { seconds: 1704067200 nanos: 5 }
    amounts { metric: "cpu" value: 4 }
    amounts { metric: "disk" value: 100 }
    outputs {
      key: "endpoint"
      value { value { string_value: "https://web" } description: "The address" }
    }
    parameters {
      fields { key: "size" value { number_value: 3 } }
      fields { key: "image" value { string_value: "debian-12" } }
      fields { key: "count" value { string_value: "7" } }
      fields { key: "public" value { bool_value: true } }
      fields { key: "none" value { null_value: NULL_VALUE } }
      fields {
        key: "zones"
        value { list_value { values { string_value: "a" } values { string_value: "b" } } }
      }
      fields {
        key: "disk"
        value { struct_value { fields { key: "gib" value { number_value: 20.5 } } } }
      }
      fields {
        key: "nics"
        value {
          list_value {
            values { struct_value { fields { key: "ip" value { string_value: "::1" } } } }
          }
        }
      }
    }
  )");
}

struct Case {
  const char* filter;
  bool matches;
};

void Check(const google::protobuf::Message& message, const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const auto filter = Filter::Parse(c.filter, message.GetDescriptor());
    ASSERT_TRUE(filter.ok()) << c.filter << ": " << filter.status();
    EXPECT_EQ(filter->Matches(message), c.matches) << c.filter;
  }
}

TEST(FilterTest, ABlankOneMatchesEverything) {
  EXPECT_TRUE(Filter().Matches(v1::Stack()));
  for (const char* text : {"", "  ", "\t\n"}) {
    const auto filter = Filter::Parse(text, v1::Stack::descriptor());
    ASSERT_TRUE(filter.ok());
    EXPECT_TRUE(filter->empty());
    EXPECT_TRUE(filter->Matches(ShopStack()));
  }
  const auto filter = Filter::Parse("state = READY", v1::Stack::descriptor());
  EXPECT_FALSE(filter->empty());
  EXPECT_FALSE(filter->Matches(v1::ChangeRequest())) << "not of the type";
}

TEST(FilterTest, Scalars) {
  Check(ShopStack(), {
                         {"state = READY", true},
                         {"state=READY", true},
                         {"state != READY", false},
                         {"state:READY", true},
                         {"state = \"FAILED\"", false},
                         {"lease.extended = true", true},
                         {"lease.extended != true", false},
                         {"resource_count = -3", true},
                         {"resourceCount < 0", true},
                         {"resource_count <= -3.5", false},
                         {"resource_count > -3.5", true},
                         {"resource_count >= -3e0", true},
                         {"latest_revision = 9007199254740993", true},
                         {"latest_revision = 9007199254740992", false},
                         {"latest_revision > 9007199254740992", true},
                         {"latest_revision < 18446744073709551615", true},
                         {"applied_revision = 0", true},
                         {"creator = users/ada", true},
                         {"creator = 'users/ada'", true},
                         {"creator = users/*", true},
                         {"creator = *ada", true},
                         {"creator = \"*s/a*\"", true},
                         {"creator = \"user*ada\"", false},
                         {"creator != users/b*", true},
                         {"creator = *", true},
                         {"creator = Users/ada", false},
                         {"creator < users/b", true},
                         {"creator >= users/b", false},
                         {"creator:ADA", true},
                         {"creator:bob", false},
                         {"display_name = \"Die Größe \\\"A\\\" \\*\"", true},
                         {"display_name = \"Die*\"", true},
                         {"display_name = \"Die\\*\"", false},
                         {"etag = \"\"", true},
                         {"etag:*", false},
                         {"creator:*", true},
                     });
}

TEST(FilterTest, TimesAndDurations) {
  Check(ShopStack(), {
                         {"create_time > \"2024-01-01T00:00:00Z\"", true},
                         {"create_time > 2024-01-01T00:00:00Z", true},
                         {"create_time = 2024-01-01T01:00:00.000000005+01:00", true},
                         {"createTime < 2023-12-31T23:59:59Z", false},
                         {"create_time:*", true},
                         {"lease.duration = 3600.5s", true},
                         {"lease.duration > 3600s", true},
                         {"lease.duration < \"-1s\"", false},
                     });
}

TEST(FilterTest, NoValueMatchesNothing) {
  Check(ShopStack(), {
                         {"update_time < 2030-01-01T00:00:00Z", false},
                         {"update_time != 2030-01-01T00:00:00Z", false},
                         {"NOT update_time = 2030-01-01T00:00:00Z", true},
                         {"update_time:*", false},
                         {"drift:*", false},
                         {"drift.check_time:*", false},
                         {"labels.owner != x", false},
                         {"NOT labels.owner = x", true},
                         {"parameters.colour != red", false},
                     });
}

TEST(FilterTest, MapsAndLists) {
  Check(ShopStack(), {
                         {"labels.team = \"web\"", true},
                         {"labels.team = w*", true},
                         {"labels.team != web", false},
                         {"labels.team:web", true},
                         {"labels.team:we", false},
                         {"labels:team", true},
                         {"labels:Team", false},
                         {"labels.team:*", true},
                         {"labels:*", true},
                         {"annotations:*", false},
                         {"labels.\"a.b\" = dotted", true},
                         {"labels:\"a.b\"", true},
                         {"amounts:*", true},
                         {"amounts.metric:cpu", true},
                         {"amounts.metric:c", false},
                         {"amounts.value:100", true},
                         {"amounts.value:5", false},
                         {"amounts.metric:d*", true},
                         {"drift.changes:*", false},
                         {"outputs.endpoint.value = \"https://*\"", true},
                         {"outputs.endpoint.description = \"The address\"", true},
                         {"outputs.endpoint.sensitive = false", true},
                         {"outputs.other.sensitive = false", false},
                         {"outputs:endpoint", true},
                         {"outputs.endpoint.value:*", true},
                     });
}

TEST(FilterTest, Structs) {
  Check(ShopStack(),
        {
            {"parameters.size = 3", true},        {"parameters.size = 3.0", true},
            {"parameters.size >= 4", false},      {"parameters.size = \"3\"", false},
            {"parameters.size != big", true},     {"parameters.size < big", false},
            {"parameters.count = 7", true},       {"parameters.image = debian-*", true},
            {"parameters.public = true", true},   {"parameters.public != false", true},
            {"parameters.none = null", true},     {"parameters.none != null", false},
            {"parameters.size = null", false},    {"parameters:size", true},
            {"parameters:weight", false},         {"parameters:*", true},
            {"parameters.none:*", true},          {"parameters.zones:b", true},
            {"parameters.zones:c", false},        {"parameters.zones = b", false},
            {"parameters.zones != b", true},      {"parameters.disk.gib > 20", true},
            {"parameters.disk.gib.x = 1", false}, {"parameters.disk.AND = 1", false},
            {"parameters.nics.ip:\"::1\"", true}, {"parameters.nics.ip = \"::1\"", false},
        });
}

TEST(FilterTest, Literals) {
  Check(ShopStack(), {
                         {"WEB", true},
                         {"\"the ADDRESS\"", true},
                         {"debian-12", true},
                         {"debian-*", true},
                         {"endpoint", true},
                         {"web disk", true},
                         {"web nothing", false},
                         {"web OR nothing", true},
                         {"-nothing", true},
                         {"größe", true},
                         {"a.b", true},
                         {"*", true},
                         {"7", true},
                     });
}

TEST(FilterTest, Logic) {
  Check(ShopStack(), {
                         {"state = FAILED AND web OR web", false},
                         {"web OR web AND state = FAILED", false},
                         {"(web AND state = FAILED) OR web", true},
                         {"state = READY creator = users/ada", true},
                         {"state = READY AND(creator = x OR(web))", true},
                         {"NOT state = FAILED", true},
                         {"NOT(web)", false},
                         {"-(web AND nothing)", true},
                         {"-state = READY", false},
                         {"\"AND\"", false},
                         {"state = READY\nAND\tweb", true},
                     });
}

TEST(FilterTest, OtherMessages) {
  const auto operation = FromText<google::longrunning::Operation>(
      "name: 'operations/1' error { code: 9 message: 'no quota' }");
  Check(operation, {{"done = false", true},
                    {"NOT done = true", true},
                    {"error.code = 9", true},
                    {"response:*", false},
                    {"error:*", true},
                    {"error.message:QUOTA", true}});
  const auto change = FromText<v1::ChangeRequest>(R"(
    state: PENDING type: QUOTA requester: "users/bob"
    reviews { reviewer: "users/ada" verdict: COMMENT }
    reviews { reviewer: "users/eve" verdict: APPROVE create_time { seconds: 10 } })");
  Check(change, {{"state = PENDING AND type = QUOTA", true},
                 {"reviews.verdict:APPROVE", true},
                 {"reviews.verdict:REJECT", false},
                 {"reviews.createTime:1970-01-01T00:00:10Z", true},
                 {"reviews.create_time:*", true},
                 {"reviews.text:*", false},
                 {"requester = users/bob -reviews.reviewer:users/bob", true}});
  const auto parameter = FromText<v1::Parameter>(
      "minimum: 0.5 allowed_values { number_value: 3 } allowed_values { string_value: 'x' }");
  Check(parameter, {{"minimum = 0.5", true},
                    {"maximum < 10", false},
                    {"minimum:*", true},
                    {"maximum:*", false},
                    {"allowed_values:3", true},
                    {"allowed_values:x", true},
                    {"allowed_values:4", false},
                    {"default_value = 1", false}});
}

TEST(FilterTest, SecretsAreNotFound) {
  v1::StaticCredential variables;
  (*variables.mutable_variables())["A"] = "open";
  (*variables.mutable_secret_variables())["B"] = "hidden";
  Check(variables, {{"open", true}, {"hidden", false}, {"B", false}});
  EXPECT_EQ(ReasonOf(Filter::Parse("secret_variables:B", variables.GetDescriptor()).status()),
            v1::INVALID_FIELD);
}

TEST(FilterTest, FaultsTellWhereAndWhatWasExpected) {
  const std::vector<std::pair<std::string, std::vector<const char*>>> cases = {
      {"colour = red", {"at character 1: expected one of name, uid", "found \"colour\""}},
      {"lease.x = 1", {"at character 7: expected one of duration,"}},
      {"größe x:", {"at character 9: expected a value after \":\", found the end"}},
      {"state = RED", {"at character 9: expected one of STATE_UNSPECIFIED, PENDING", "\"RED\""}},
      {"state = ready", {"READY"}},
      {"state < READY", {"expected =, != or : after state, found \"<\""}},
      {"resource_count = many", {"at character 18: expected a number", "\"many\""}},
      {"resource_count = nan", {"expected a number"}},
      {"resource_count = 1e999", {"expected a number"}},
      {"lease.extended = yes", {"expected true or false for lease.extended"}},
      {"lease.extended > true", {"expected =, != or :"}},
      {"lease.duration = 1h", {"a duration in seconds such as 3600s"}},
      {"lease.duration = 1h5s", {"a duration in seconds"}},
      {"create_time > yesterday", {"at character 15: expected an RFC 3339 time"}},
      {"create_time > infinite-future", {"expected an RFC 3339 time"}},
      {"create_time.seconds > 1", {"at character 13: expected a comparison", "has no fields"}},
      {"name.x = 1", {"name has no fields"}},
      {"lease = 1", {"expected :* or a field of it after lease"}},
      {"labels = x", {"expected \":\" or a key after labels"}},
      {"parameters = x", {"expected \":\" or a key after parameters"}},
      {"parameters.x < true", {"expected =, != or :"}},
      {"amounts.metric = cpu", {"at character 9: expected \":\" after amounts.metric"}},
      {"name = \"open", {"at character 8: expected a closing \" for this string"}},
      {"name = \"open\\", {"expected a closing \""}},
      {"'open", {"at character 1: expected a closing '"}},
      {"(web", {"at character 1: expected a \")\""}},
      {"web)", {"at character 4: expected AND, OR or the end, found \")\""}},
      {"web AND", {"expected a field or a value, found the end"}},
      {"AND web", {"at character 1: expected a field or a value, found \"AND\""}},
      {"web OR OR web", {"at character 8: expected a field or a value, found \"OR\""}},
      {"NOT NOT web", {"at character 5: expected a field or a value, found \"NOT\""}},
      {"--web", {"at character 2: expected a field or a value"}},
      {"name = AND", {"at character 8: expected a value after \"=\", found \"AND\""}},
      {"name == x", {"at character 7: expected a value after \"=\", found \"=\""}},
      {"name. = x", {"at character 6: expected a field or a value"}},
      {"size(x)", {"at character 5", "there are no functions"}},
      {"a,b", {"at character 2: expected a space, AND, OR or the end, found \",\""}},
      {"\"a\"\"b\"", {"at character 4: expected a space"}},
      {"name = (a OR b)", {"at character 8: expected a value after \"=\", found \"(\""}},
      {"colour = 1 AND resource_count = x", {"found \"colour\"", "at character 33: expected a"}},
      {"web \xff", {"at character 5: expected valid UTF-8"}},
      {"\xed\xa0\x80", {"expected valid UTF-8"}},
      {"\xf0\x9f", {"expected valid UTF-8"}},
      {std::string(4097, 'a'), {"expected at most 4096 bytes, found 4097"}},
      {std::string(51, '(') + "a" + std::string(51, ')'), {"at most 50 nested parentheses"}},
      {std::string(4096, '('), {"at most 50 nested parentheses"}},
      {[] {
         std::string text;
         for (int i = 0; i < 201; ++i) text += "a ";
         return text;
       }(),
       {"at character 401: expected at most 200"}},
      {[] {
         std::string text = "parameters";
         for (int i = 0; i < 40; ++i) text += ".a";
         return text + " = 1";
       }(),
       {"at most 32 names in a path"}},
  };
  for (const auto& [text, expected] : cases) {
    const absl::Status status = Filter::Parse(text, v1::Stack::descriptor()).status();
    EXPECT_EQ(ReasonOf(status), v1::INVALID_FIELD) << text;
    google::rpc::BadRequest request;
    ASSERT_TRUE(ReadDetail(status, request)) << text;
    EXPECT_EQ(request.field_violations(0).field(), "filter");
    for (const char* part : expected) {
      EXPECT_THAT(std::string(status.message()), HasSubstr(part)) << text;
    }
  }
}

TEST(FilterTest, TheLimitsThemselvesAreFine) {
  for (const std::string& text :
       {std::string(50, '(') + "a" + std::string(50, ')'), std::string(4096, 'a')}) {
    EXPECT_TRUE(Filter::Parse(text, v1::Stack::descriptor()).ok()) << text;
  }
}

TEST(FilterTest, PinnedEnum) {
  const auto pinned = [](const char* text) {
    return Filter::Parse(text, v1::Stack::descriptor())->PinnedEnum("state");
  };
  EXPECT_EQ(pinned("state = READY"), v1::Stack::READY);
  EXPECT_EQ(pinned("web (labels:team AND state:FAILED)"), v1::Stack::FAILED);
  for (const char* text : {"state != READY", "NOT state = READY", "state:*", "web",
                           "state = READY OR web", "state_detail:*"}) {
    EXPECT_EQ(pinned(text), std::nullopt) << text;
  }
}

// A random expression with, beside it, its value worked out while it is written.
std::pair<std::string, bool> Random(std::mt19937& random, int depth) {
  const auto term = [&] {
    std::pair<std::string, bool> term;
    const int kind = static_cast<int>(random() % (depth > 0 ? 4 : 3));
    if (kind == 0) term = {"state = READY", true};
    if (kind == 1) term = {"labels.team = \"no\"", false};
    if (kind == 2) term = {"users/ada", true};
    if (kind == 3) {
      term = Random(random, depth - 1);
      term.first = absl::StrCat("(", term.first, ")");
    }
    if (random() % 3 == 0) {
      term = {absl::StrCat(random() % 2 == 0 ? "NOT " : "-", term.first), !term.second};
    }
    return term;
  };
  std::pair<std::string, bool> all = {"", true};
  const int factors = 1 + static_cast<int>(random() % 3);
  for (int i = 0; i < factors; ++i) {
    std::pair<std::string, bool> any = {"", false};
    const int terms = 1 + static_cast<int>(random() % 3);
    for (int j = 0; j < terms; ++j) {
      const auto one = term();
      absl::StrAppend(&any.first, j == 0 ? "" : " OR ", one.first);
      any.second = any.second || one.second;
    }
    absl::StrAppend(&all.first, i == 0 ? "" : random() % 2 == 0 ? " AND " : " ", any.first);
    all.second = all.second && any.second;
  }
  return all;
}

TEST(FilterTest, RandomExpressionsHaveTheValueTheyWereBuiltWith) {
  std::mt19937 random(7);
  const v1::Stack stack = ShopStack();
  for (int i = 0; i < 2000; ++i) {
    const auto [text, value] = Random(random, 3);
    if (text.size() > 4096) continue;
    const auto filter = Filter::Parse(text, stack.GetDescriptor());
    if (!filter.ok()) {
      EXPECT_THAT(std::string(filter.status().message()), HasSubstr("at most 200")) << text;
      continue;
    }
    EXPECT_EQ(filter->Matches(stack), value) << text;
  }
}

TEST(FilterTest, GarbageIsAnErrorOrAFilter) {
  const std::vector<std::string> tokens = {"AND",
                                           "OR",
                                           "NOT",
                                           "-",
                                           "(",
                                           ")",
                                           "=",
                                           "!=",
                                           "<",
                                           "<=",
                                           ">",
                                           ":",
                                           ".",
                                           "*",
                                           "\"",
                                           "'",
                                           "\\",
                                           ",",
                                           " ",
                                           "\xff",
                                           "ö",
                                           "name",
                                           "state",
                                           "READY",
                                           "labels",
                                           "parameters",
                                           "lease",
                                           "duration",
                                           "amounts",
                                           "1.5",
                                           "3s",
                                           "null",
                                           "true",
                                           "!",
                                           "2024-01-01T00:00:00Z",
                                           "outputs",
                                           "value",
                                           std::string(1, '\0')};
  std::mt19937 random(11);
  const v1::Stack stack = ShopStack();
  int parsed = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    const int count = static_cast<int>(random() % 12);
    for (int j = 0; j < count; ++j) {
      text += tokens[random() % tokens.size()];
      if (random() % 2 == 0) text += ' ';
    }
    const auto filter = Filter::Parse(text, stack.GetDescriptor());
    if (filter.ok() && !filter->empty()) {
      ++parsed;
      // A filter and its negation never agree.
      const auto negated = Filter::Parse("NOT (" + text + ")", stack.GetDescriptor());
      ASSERT_TRUE(negated.ok()) << text << negated.status();
      EXPECT_NE(filter->Matches(stack), negated->Matches(stack)) << text;
    } else if (!filter.ok()) {
      EXPECT_EQ(ReasonOf(filter.status()), v1::INVALID_FIELD) << text;
    }
  }
  EXPECT_GT(parsed, 1000);
}

// ---- Hints
// ---------------------------------------------------------------------------------------

// Groups as `path[key] kind value`, alternatives joined by `|`.
std::string HintsOf(const std::string& text) {
  const auto filter = Filter::Parse(text, v1::Stack::descriptor());
  EXPECT_TRUE(filter.ok()) << filter.status();
  static constexpr const char* kSigns[] = {"=", "=*", "is there", ">=", "<="};
  std::string all;
  for (const auto& group : filter->Hints()) {
    std::string one;
    for (const FilterHint& hint : group) {
      absl::StrAppend(&one, one.empty() ? "" : " | ", hint.path,
                      hint.in_map ? absl::StrCat("[", hint.key, "]") : "", " ",
                      kSigns[static_cast<int>(hint.kind)]);
      if (const int* number = std::get_if<int>(&hint.value)) absl::StrAppend(&one, " ", *number);
      if (const auto* word = std::get_if<std::string>(&hint.value)) {
        absl::StrAppend(&one, " ", *word);
      }
      if (const auto* time = std::get_if<absl::Time>(&hint.value)) {
        absl::StrAppend(&one, " ", absl::ToUnixSeconds(*time));
      }
    }
    absl::StrAppend(&all, all.empty() ? "" : "; ", one);
  }
  return all;
}

TEST(FilterHintsTest, SayWhatHoldsForEveryMatch) {
  EXPECT_EQ(HintsOf(""), "");
  EXPECT_EQ(HintsOf("state = READY"), "state = 5");
  EXPECT_EQ(HintsOf("state:READY AND creator = \"users/ada\""), "state = 5; creator = users/ada");
  EXPECT_EQ(HintsOf("creator = \"users/a*\""), "creator =* users/a");
  EXPECT_EQ(HintsOf("labels.team = web labels:env labels.\"a.b\":*"),
            "labels[team] = web; labels[env] is there; labels[a.b] is there");
  EXPECT_EQ(HintsOf("labels.team:web"), "labels[team] = web");
  EXPECT_EQ(HintsOf("createTime > \"1970-01-01T00:00:09Z\""), "create_time >= 9");
  EXPECT_EQ(HintsOf("lease.end_time <= \"1970-01-01T00:00:09Z\""), "lease.end_time <= 9");
  EXPECT_EQ(HintsOf("update_time = \"1970-01-01T00:00:09Z\""),
            "update_time <= 9; update_time >= 9");
  EXPECT_EQ(HintsOf("(state = READY OR state = FAILED) AND shop"), "state = 5 | state = 6");
}

TEST(FilterHintsTest, SayNothingOfWhatTheyCannotTell) {
  for (const char* text :
       {"state != READY", "NOT state = READY", "-creator = \"a\"", "creator:ada",
        "creator = \"*da\"", "creator > \"a\"", "shop", "state = READY OR shop",
        "state = READY OR NOT creator = \"a\"", "labels.team != web", "parameters.size = 3",
        "amounts.metric:cpu", "lease.end_time:*", "create_time != \"1970-01-01T00:00:09Z\"",
        "state = READY OR create_time = \"1970-01-01T00:00:09Z\"", "resource_count = 3"}) {
    EXPECT_EQ(HintsOf(text), "") << text;
  }
}

}  // namespace
}  // namespace stackyard
