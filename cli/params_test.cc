#include "cli/params.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace stackyard::cli {
namespace {

using ::testing::HasSubstr;

google::protobuf::RepeatedPtrField<v1::Parameter> Known() {
  google::protobuf::RepeatedPtrField<v1::Parameter> known;
  for (const auto& [name, type] : std::vector<std::pair<std::string, std::string>>{
           {"zip", "string"}, {"size", "number"}, {"loud", "bool"}, {"tags", "list(string)"}}) {
    v1::Parameter* parameter = known.Add();
    parameter->set_name(name);
    parameter->set_type(type);
  }
  return known;
}

class ParamsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/params_test.XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string File(const std::string& name, const std::string& text) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

  std::string directory_;
};

TEST_F(ParamsTest, ReadsAsTheTypeSays) {
  ParameterFlags flags;
  flags.sets = {"zip=01234", "size=3", "loud=true", "tags=[\"a\"]", "other=4", "text=a=b"};
  const auto parameters = ReadParameters(flags, Known());
  ASSERT_TRUE(parameters.ok()) << parameters.status();
  const auto& fields = parameters->fields();
  EXPECT_EQ(fields.at("zip").string_value(), "01234");
  EXPECT_EQ(fields.at("size").number_value(), 3);
  EXPECT_TRUE(fields.at("loud").bool_value());
  EXPECT_EQ(fields.at("tags").list_value().values(0).string_value(), "a");
  // Unknown ones go to the service, which names them.
  EXPECT_EQ(fields.at("other").number_value(), 4);
  EXPECT_EQ(fields.at("text").string_value(), "a=b");
}

TEST_F(ParamsTest, NamesEveryFault) {
  ParameterFlags flags;
  flags.sets = {"size=big", "loud=yes", "nothing", "tags=a"};
  flags.set_jsons = {"zip={", "=1"};
  const auto parameters = ReadParameters(flags, Known());
  EXPECT_EQ(parameters.status().code(), absl::StatusCode::kInvalidArgument);
  const std::string message(parameters.status().message());
  for (const char* fault : {"size", "loud", "nothing", "tags", "zip", "=1"}) {
    EXPECT_THAT(message, HasSubstr(fault));
  }
}

TEST_F(ParamsTest, LaterWins) {
  ParameterFlags flags;
  flags.file = File("p.json", R"({"zip": "file", "size": 1, "loud": true})");
  flags.sets = {"zip=set", "size=2"};
  flags.set_jsons = {"size=3"};
  const auto parameters = ReadParameters(flags, Known());
  ASSERT_TRUE(parameters.ok()) << parameters.status();
  EXPECT_TRUE(parameters->fields().at("loud").bool_value());
  EXPECT_EQ(parameters->fields().at("zip").string_value(), "set");
  EXPECT_EQ(parameters->fields().at("size").number_value(), 3);
}

TEST_F(ParamsTest, YamlHasTypesWhereNothingIsQuoted) {
  ParameterFlags flags;
  flags.file = File("p.yaml", "a: 3\nb: '3'\nc: true\nd: yes\ne: ~\nf: [1, {g: x}]\nh: 1.2.3\n");
  const auto parameters = ReadParameters(flags, Known());
  ASSERT_TRUE(parameters.ok()) << parameters.status();
  const auto& fields = parameters->fields();
  EXPECT_EQ(fields.at("a").number_value(), 3);
  EXPECT_EQ(fields.at("b").string_value(), "3");
  EXPECT_TRUE(fields.at("c").bool_value());
  EXPECT_EQ(fields.at("d").string_value(), "yes");
  EXPECT_EQ(fields.at("e").kind_case(), google::protobuf::Value::kNullValue);
  EXPECT_EQ(fields.at("f").list_value().values(1).struct_value().fields().at("g").string_value(),
            "x");
  EXPECT_EQ(fields.at("h").string_value(), "1.2.3");
}

TEST_F(ParamsTest, RefusesFilesThatHoldSomethingElse) {
  for (const std::string& file : {File("a.yaml", "- 1\n"), File("b.json", "[1]"),
                                  File("c.yaml", "a: [\n"), directory_ + "/none"}) {
    ParameterFlags flags;
    flags.file = file;
    EXPECT_EQ(ReadParameters(flags, Known()).status().code(), absl::StatusCode::kInvalidArgument)
        << file;
  }
}

TEST(ReadPairs, NamesEveryFault) {
  EXPECT_EQ(ReadPairs("label", {"a=b", "c="})->at("a"), "b");
  EXPECT_THAT(std::string(ReadPairs("label", {"x", "=y"}).status().message()), HasSubstr("=y"));
}

}  // namespace
}  // namespace stackyard::cli
