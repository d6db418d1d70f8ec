// testdata/state.json is what Terraform wrote for testdata/module.
#include "services/stacks/state_file.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/status.h"

namespace stackyard::stacks {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::Not;
using testing::UnorderedElementsAre;

// The value of the sensitive variable of the module.
constexpr char kSecret[] = "hunter2-hunter2";

std::string Recorded() {
  std::ifstream file(STACKYARD_TESTDATA "/state.json");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty());
  return text.str();
}

StateFile ReadRecorded() {
  auto state = ParseState(Recorded());
  EXPECT_TRUE(state.ok()) << state.status();
  return state.ok() ? *std::move(state) : StateFile();
}

const v1::Resource& Find(const StateFile& state, const std::string& address) {
  for (const v1::Resource& resource : state.resources) {
    if (resource.address() == address) return resource;
  }
  static const v1::Resource none;
  ADD_FAILURE() << "no resource " << address;
  return none;
}

TEST(StateFileTest, ReadsSerialLineageAndEngine) {
  const StateFile state = ReadRecorded();
  const auto json = nlohmann::json::parse(Recorded());
  EXPECT_EQ(state.serial, json["serial"].get<int64_t>());
  EXPECT_EQ(state.lineage, json["lineage"].get<std::string>());
  EXPECT_EQ(state.engine_version, "1.11.4");
  const auto mark = ParseStateMark(Recorded());
  ASSERT_TRUE(mark.ok());
  EXPECT_EQ(mark->serial, state.serial);
  EXPECT_EQ(mark->lineage, state.lineage);
}

TEST(StateFileTest, ReadsOutputsAndWhichAreSensitive) {
  const StateFile state = ReadRecorded();
  EXPECT_THAT(state.outputs,
              UnorderedElementsAre(Key("count"), Key("names"), Key("object"), Key("password")));
  EXPECT_EQ(state.outputs.at("count").value().number_value(), 3);
  EXPECT_EQ(state.outputs.at("names").value().list_value().values(1).string_value(), "b");
  const auto& object = state.outputs.at("object").value().struct_value().fields();
  EXPECT_TRUE(object.at("on").bool_value());
  EXPECT_EQ(object.at("ratio").number_value(), 0.5);
  EXPECT_FALSE(state.outputs.at("names").sensitive());
  EXPECT_TRUE(state.outputs.at("password").sensitive());
  EXPECT_EQ(state.outputs.at("password").value().string_value(), kSecret);
}

TEST(StateFileTest, GivesEveryInstanceTheAddressThatTerraformShows) {
  std::vector<std::string> addresses;
  for (const v1::Resource& resource : ReadRecorded().resources) {
    EXPECT_EQ(resource.name(), resource.address());
    addresses.push_back(resource.address());
  }
  // As `terraform state list` prints them.
  EXPECT_THAT(addresses,
              UnorderedElementsAre("data.terraform_remote_state.none", "terraform_data.counted[0]",
                                   "terraform_data.counted[1]", R"(terraform_data.each["a b"])",
                                   R"(terraform_data.each["x\"y"])", "terraform_data.one",
                                   "terraform_data.part_secret", "terraform_data.whole_secret",
                                   R"(module.child["eu"].terraform_data.inner)",
                                   R"(module.child["us"].terraform_data.inner)"));
  EXPECT_TRUE(std::is_sorted(addresses.begin(), addresses.end()));
}

TEST(StateFileTest, TellsWhatAResourceIs) {
  const StateFile state = ReadRecorded();
  const v1::Resource& one = Find(state, "terraform_data.one");
  EXPECT_EQ(one.type(), "terraform_data");
  EXPECT_EQ(one.mode(), "managed");
  EXPECT_EQ(one.provider(), "terraform.io/builtin/terraform");
  EXPECT_EQ(one.id().size(), 36u);
  EXPECT_TRUE(one.tainted());
  EXPECT_FALSE(Find(state, "terraform_data.counted[0]").tainted());
  EXPECT_EQ(Find(state, "data.terraform_remote_state.none").mode(), "data");
  const auto attributes = nlohmann::json::parse(
      Find(state, R"(module.child["eu"].terraform_data.inner)").attributes_json());
  EXPECT_EQ(attributes["input"]["value"], "eu");
}

TEST(StateFileTest, MasksSecretsInAttributes) {
  const StateFile state = ReadRecorded();
  for (const v1::Resource& resource : state.resources) {
    EXPECT_THAT(resource.ShortDebugString(), Not(HasSubstr(kSecret))) << resource.address();
  }
  const auto whole =
      nlohmann::json::parse(Find(state, "terraform_data.whole_secret").attributes_json());
  EXPECT_EQ(whole["input"], "(sensitive)");
  EXPECT_TRUE(whole.contains("id")) << "the rest is still there";
  const std::string part = Find(state, "terraform_data.part_secret").attributes_json();
  EXPECT_THAT(part, HasSubstr("ann"));
  EXPECT_THAT(part, HasSubstr("plain"));
}

// A state with one resource that has these attributes, and these sensitive paths.
std::string StateWith(const std::string& attributes, const std::string& sensitive) {
  return R"({"version":4,"serial":1,"lineage":"l","resources":[{"mode":"managed","type":"t",)"
         R"("name":"n","provider":"provider[\"p\"]","instances":[{"attributes":)" +
         attributes + R"(,"sensitive_attributes":)" + sensitive + "}]}]}";
}

std::string AttributesOf(const std::string& attributes, const std::string& sensitive) {
  const auto state = ParseState(StateWith(attributes, sensitive));
  EXPECT_TRUE(state.ok()) << state.status();
  return state.ok() ? state->resources.at(0).attributes_json() : "";
}

TEST(StateFileTest, FollowsSensitivePathsThroughListsAndMaps) {
  EXPECT_EQ(AttributesOf(R"({"a":{"b":"s3cret","c":1}})",
                         R"([[{"type":"get_attr","value":"a"},{"type":"get_attr","value":"b"}]])"),
            R"json({"a":{"b":"(sensitive)","c":1}})json");
  EXPECT_EQ(AttributesOf(R"({"a":["x","s3cret"]})",
                         R"([[{"type":"get_attr","value":"a"},)"
                         R"({"type":"index","value":{"value":1,"type":"number"}}]])"),
            R"json({"a":["x","(sensitive)"]})json");
  EXPECT_EQ(AttributesOf(R"({"a":{"k":"s3cret","l":"y"}})",
                         R"([[{"type":"get_attr","value":"a"},)"
                         R"({"type":"index","value":{"value":"k","type":"string"}}]])"),
            R"json({"a":{"k":"(sensitive)","l":"y"}})json");
}

TEST(StateFileTest, WhereASensitivePathLeadsNowhereItsAttributeGoes) {
  EXPECT_THAT(
      AttributesOf(R"({"a":{"b":["s3cret"]},"c":"kept"})",
                   R"([[{"type":"get_attr","value":"a"},{"type":"get_attr","value":"x"}]])"),
      testing::AllOf(Not(HasSubstr("s3cret")), HasSubstr("kept")));
}

TEST(StateFileTest, CopiesOfASecretAreMaskedToo) {
  EXPECT_THAT(AttributesOf(R"({"a":"s3cret","copy":{"deep":["s3cret","open"]}})",
                           R"([[{"type":"get_attr","value":"a"}]])"),
              testing::AllOf(Not(HasSubstr("s3cret")), HasSubstr("open")));
}

TEST(StateFileTest, DeposedObjectsAreLeftOut) {
  const auto state = ParseState(
      R"({"version":4,"serial":1,"lineage":"l","resources":[{"mode":"managed","type":"t",)"
      R"("name":"n","instances":[{"attributes":{"id":"new"}},)"
      R"({"deposed":"abcd1234","attributes":{"id":"old"}}]}]})");
  ASSERT_TRUE(state.ok());
  ASSERT_EQ(state->resources.size(), 1u);
  EXPECT_EQ(state->resources[0].id(), "new");
}

TEST(StateFileTest, AnEmptyStateIsAState) {
  const auto state = ParseState(R"({"version":4,"serial":0,"lineage":"l"})");
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_THAT(state->resources, IsEmpty());
  EXPECT_THAT(state->outputs, IsEmpty());
}

TEST(StateFileTest, HostileTextIsRefusedAndNothingWorse) {
  const std::string deep(200'000, '[');
  const std::vector<std::string> texts = {
      "",
      "null",
      "[]",
      "{",
      "\xff\xfe",
      R"({"version":3,"serial":1,"lineage":"l"})",
      R"({"version":"4","serial":1,"lineage":"l"})",
      R"({"version":4,"lineage":"l"})",
      R"({"version":4,"serial":-1,"lineage":"l"})",
      R"({"version":4,"serial":1.5,"lineage":"l"})",
      R"({"version":4,"serial":18446744073709551615,"lineage":"l"})",
      R"({"version":4,"serial":1,"lineage":7})",
      R"({"version":4,"serial":1,"lineage":"l","outputs":[]})",
      R"({"version":4,"serial":1,"lineage":"l","outputs":{"a":1}})",
      R"({"version":4,"serial":1,"lineage":"l","resources":{}})",
      R"({"version":4,"serial":1,"lineage":"l","resources":[1]})",
      R"({"version":4,"serial":1,"lineage":"l","resources":[{"instances":1}]})",
      R"({"version":4,"serial":1,"lineage":"l","resources":[{"instances":["a"]}]})",
      R"({"version":4,"serial":1e999,"lineage":"l"})",
      deep,
      R"({"version":4,"serial":1,"lineage":"l","outputs":{"a":{"value":)" + deep +
          std::string(200'000, ']') + "}}}",
  };
  for (const std::string& text : texts) {
    const auto state = ParseState(text);
    EXPECT_EQ(ReasonOf(state.status()), v1::INVALID_FIELD) << text.substr(0, 80);
  }
}

TEST(StateFileTest, OddInstancesDoNotMatter) {
  for (const char* sensitive :
       {"1", "{}", R"(["a"])", R"([["a"]])", R"([[1]])", R"([[{}]])", "[[]]",
        R"([[{"type":"get_attr"}]])", R"([[{"type":"index","value":{"value":-1}}]])",
        R"([[{"type":"index","value":{"value":99999999999999999999}}]])"}) {
    EXPECT_TRUE(ParseState(StateWith(R"({"a":[1]})", sensitive)).ok()) << sensitive;
  }
  for (const char* attributes : {"null", "7", R"("text")", "[]"}) {
    EXPECT_TRUE(ParseState(StateWith(attributes, "[]")).ok()) << attributes;
  }
}

TEST(StateFileTest, MetersReadTheStateAsTheyReadThePlan) {
  google::protobuf::Map<std::string, internal::v1::AttributePaths> wanted;
  wanted["terraform_data"].add_paths("input.size");
  wanted["terraform_data"].add_paths("triggers_replace");
  const auto metered = MeteredResources(ReadRecorded(), wanted);
  EXPECT_EQ(metered.size(), 9u) << "data sources are not counted";
  for (const MeteredResource& resource : metered) {
    EXPECT_EQ(resource.attributes().contains("triggers_replace"), false) << "null is no value";
    if (resource.address() != "terraform_data.one") continue;
    ASSERT_TRUE(resource.attributes().contains("input.size"));
    EXPECT_EQ(resource.attributes().at("input.size").number_value(), 3);
  }
}

TEST(StateFileTest, AnotherSerialLeavesEveryOtherByte) {
  const std::string text =
      R"({"outputs": {"serial": {"value": "\"serial\": 7"}}, "a": "serial", "version":4,)"
      R"("big": 12345678901234567890123.50, "serial" : 41 , "lineage":"l"})";
  std::string wanted = text;
  wanted.replace(wanted.find("41"), 2, "1042");
  EXPECT_EQ(*WithSerial(text, 1042), wanted);
  EXPECT_EQ(WithSerial(Recorded(), 100)->size(), Recorded().size() + 1);
  for (const char* bad : {"{}", "[]", "", R"({"version":4,"lineage":"l","serial":1,"serial":2})"}) {
    EXPECT_EQ(ReasonOf(WithSerial(bad, 5).status()), v1::INVALID_FIELD) << bad;
  }
}

TEST(StateFileTest, MetersFollowListsByNumber) {
  google::protobuf::Map<std::string, internal::v1::AttributePaths> wanted;
  wanted["t"].add_paths("disk.0.size");
  wanted["t"].add_paths("disk.1.size");
  wanted["t"].add_paths("disk.x.size");
  const auto state = ParseState(StateWith(R"({"disk":[{"size":20}]})", "[]"));
  ASSERT_TRUE(state.ok());
  const auto metered = MeteredResources(*state, wanted);
  ASSERT_EQ(metered.size(), 1u);
  ASSERT_EQ(metered[0].attributes().size(), 1u);
  EXPECT_EQ(metered[0].attributes().at("disk.0.size").number_value(), 20);
}

}  // namespace
}  // namespace stackyard::stacks
