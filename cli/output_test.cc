#include "cli/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <sstream>

#include "stackyard/v1/stacks.pb.h"

namespace stackyard::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Stack Example() {
  v1::Stack stack;
  stack.set_name("projects/p/stacks/web");
  stack.set_state(v1::Stack::READY);
  stack.set_latest_revision(3);
  (*stack.mutable_labels())["on"] = "true";
  (*stack.mutable_annotations())["note"] = "a: b # c";
  (*stack.mutable_annotations())["text"] = "one\ntwo\n";
  return stack;
}

TEST(Table, AlignsColumns) {
  Table table({"NAME", "STATE", "NOTE"});
  table.Add({"a", "READY", "x"});
  table.Add({"größer", "", "y"});
  EXPECT_EQ(table.Text(false),
            "NAME     STATE   NOTE\n"
            "a        READY   x\n"
            "größer   -       y\n");
}

TEST(Table, LeavesOutColumnsThatAreEmpty) {
  Table table({"A", "B", "C"});
  EXPECT_EQ(table.Text(false), "A   B   C\n");
  table.Add({"1", "", "3"});
  table.Add({"", "", "4"});
  EXPECT_EQ(table.Text(false), "A   C\n1   3\n-   4\n");
}

TEST(Table, ColorsStatesOnly) {
  Table table({"NAME", "STATE"});
  table.Add({"FAILED", "FAILED"});
  EXPECT_THAT(table.Text(true), HasSubstr("FAILED   \033[31mFAILED\033[0m"));
  EXPECT_THAT(table.Text(false), Not(HasSubstr("\033")));
}

TEST(StateColor, TellsHowItIs) {
  EXPECT_EQ(StateColor("READY"), Color::kGreen);
  EXPECT_EQ(StateColor("FAILED"), Color::kRed);
  EXPECT_EQ(StateColor("PLANNING"), Color::kYellow);
  EXPECT_EQ(StateColor("DESTROYED"), Color::kDim);
}

TEST(Fields, LeavesOutWhatIsEmpty) {
  Fields fields;
  fields.Add("Name", "web");
  fields.Add("Empty", "");
  fields.Add("Longer name", "x");
  EXPECT_EQ(fields.Text(false), "Name:         web\nLonger name:  x\n");
}

TEST(Output, WritesEachFormat) {
  const auto written = [](Format format) {
    std::ostringstream out;
    EXPECT_TRUE(
        Output(format, TableStyle(), out).Write(Example(), [&] { out << "for people\n"; }).ok());
    return out.str();
  };
  EXPECT_EQ(written(Format::kTable), "for people\n");
  EXPECT_EQ(written(Format::kName), "projects/p/stacks/web\n");
  EXPECT_THAT(written(Format::kJson), HasSubstr("\"state\": \"READY\""));
  EXPECT_THAT(written(Format::kJson), HasSubstr("\"latestRevision\": \"3\""));
  EXPECT_THAT(written(Format::kJson), HasSubstr("\"amounts\": []"));
  EXPECT_THAT(written(Format::kYaml), HasSubstr("state: READY"));
}

// What a YAML reader gets is what was written, strings that look like something else included.
TEST(Output, YamlKeepsStringsStrings) {
  const YAML::Node node = YAML::Load(*ToYaml(Example()));
  EXPECT_EQ(node["labels"]["on"].Tag(), "!");  // Quoted.
  EXPECT_EQ(node["labels"]["on"].as<std::string>(), "true");
  EXPECT_EQ(node["annotations"]["note"].as<std::string>(), "a: b # c");
  EXPECT_EQ(node["annotations"]["text"].as<std::string>(), "one\ntwo\n");
  EXPECT_EQ(node["latestRevision"].as<int>(), 3);
  EXPECT_TRUE(node["amounts"].IsSequence());
}

TEST(NamesIn, FindsThoseOfAList) {
  v1::ListStacksResponse response;
  *response.add_stacks() = Example();
  response.add_stacks()->set_name("projects/p/stacks/db");
  EXPECT_EQ(NamesIn(response), "projects/p/stacks/web\nprojects/p/stacks/db\n");
  EXPECT_EQ(NamesIn(v1::ListStacksResponse()), "");
}

TEST(ReadFormat, RefusesOthers) {
  EXPECT_EQ(*ReadFormat("yaml"), Format::kYaml);
  EXPECT_THAT(std::string(ReadFormat("xml").status().message()), HasSubstr("\"xml\""));
}

}  // namespace
}  // namespace stackyard::cli
