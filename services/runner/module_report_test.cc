#include "services/runner/module_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/status.h"

namespace stackyard::runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kReport[] = R"json({
  "variables": [
    {"name": "size", "type": "list(string)", "type_json": ["list", "string"], "default": ["a"],
     "required": false, "description": "How.", "sensitive": true, "nullable": false,
     "file": "main.tf", "line": 1},
    {"name": "stackyard_stack_uid", "type": "any", "type_json": "dynamic", "required": true,
     "description": "", "sensitive": false, "nullable": true, "file": "main.tf", "line": 5}],
  "outputs": [{"name": "o", "description": "Out.", "sensitive": true}],
  "providers": [{"source": "registry.terraform.io/hashicorp/aws", "constraint": "~> 5.0"},
                {"source": "terraform.io/builtin/terraform", "constraint": ""},
                {"source": "registry.terraform.io/hashicorp/aws", "constraint": "~> 5.0"}],
  "modules": [], "resources": [], "backend": "", "diagnostics": []})json";

TEST(ModuleReportTest, ReadsEverything) {
  const auto report = ReadModuleReport(kReport);
  ASSERT_TRUE(report.ok()) << report.status();
  const auto& parameters = report->summary.parameters();
  ASSERT_EQ(parameters.size(), 2);
  EXPECT_EQ(parameters[0].name(), "size");
  EXPECT_EQ(parameters[0].type(), "list(string)");
  EXPECT_EQ(parameters[0].type_json(), R"(["list","string"])");
  EXPECT_EQ(parameters[0].default_value().list_value().values(0).string_value(), "a");
  EXPECT_FALSE(parameters[0].required());
  EXPECT_TRUE(parameters[0].sensitive());
  EXPECT_FALSE(parameters[0].nullable());
  EXPECT_EQ(parameters[0].description(), "How.");
  EXPECT_FALSE(parameters[0].injected());
  EXPECT_TRUE(parameters[1].injected());
  EXPECT_TRUE(parameters[1].required());
  EXPECT_FALSE(parameters[1].has_default_value());
  EXPECT_EQ(parameters[1].type_json(), "\"dynamic\"");
  EXPECT_TRUE(report->summary.outputs(0).sensitive());
  EXPECT_THAT(report->summary.providers(), ElementsAre("registry.terraform.io/hashicorp/aws ~> 5.0",
                                                       "terraform.io/builtin/terraform"));
  EXPECT_TRUE(ModuleStatus(report->diagnostics).ok());
}

TEST(ModuleReportTest, ABackendIsAnError) {
  std::string text = kReport;
  text.replace(text.find("\"backend\": \"\""), 13, "\"backend\": \"s3\"");
  const auto report = ReadModuleReport(text);
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(std::string(ModuleStatus(report->diagnostics).message()), HasSubstr("`backend s3`"));
}

TEST(ModuleReportTest, RefusesWhatIsNoReport) {
  for (const char* text : {"", "{}", "[]", R"({"variables": [{"name": 1}]})"}) {
    EXPECT_FALSE(ReadModuleReport(text).ok()) << text;
  }
}

v1::Diagnostic Diagnostic(v1::Diagnostic::Severity severity, const std::string& summary, int line) {
  v1::Diagnostic diagnostic;
  diagnostic.set_severity(severity);
  diagnostic.set_summary(summary);
  diagnostic.set_file("main.tf");
  diagnostic.set_line(line);
  return diagnostic;
}

TEST(ModuleStatusTest, QuotesTheFirstErrors) {
  std::vector<v1::Diagnostic> diagnostics = {Diagnostic(v1::Diagnostic::WARNING, "old", 1)};
  EXPECT_TRUE(ModuleStatus(diagnostics).ok());
  for (int i = 1; i <= 5; ++i) {
    diagnostics.push_back(Diagnostic(v1::Diagnostic::ERROR, "bad" + std::to_string(i), i));
  }
  const absl::Status status = ModuleStatus(diagnostics);
  EXPECT_EQ(ReasonOf(status), v1::MODULE_INVALID);
  EXPECT_EQ(std::string(status.message()),
            "main.tf:1: bad1; main.tf:2: bad2; main.tf:3: bad3; and 2 more");
}

}  // namespace
}  // namespace stackyard::runner
