#include "services/runner/root_variables.h"

#include <gtest/gtest.h>

namespace stackyard::runner {
namespace {

// Names with their defaults, or `?` when it has to be evaluated.
std::string Secrets(std::string_view hcl) {
  const auto secrets = ReadSecretVariables(hcl);
  if (!secrets.ok()) return "?";
  std::string text;
  for (const SecretVariable& secret : *secrets) {
    text += secret.name + "=" + secret.default_value.value_or("-") + " ";
  }
  return text;
}

TEST(RootVariablesTest, Plain) {
  EXPECT_EQ(Secrets("variable \"a\" {\n  sensitive = true\n}"), "a=- ");
  EXPECT_EQ(Secrets("variable a {\n  sensitive=true\n  default = \"d\"\n}"), "a=d ");
  EXPECT_EQ(Secrets("variable \"a\" { sensitive = true }\nvariable \"b\" { default = 1 }"), "a=- ");
  EXPECT_EQ(Secrets("variable \"a\" {\n  sensitive = false\n}"), "");
  EXPECT_EQ(Secrets("variable \"a\" {\r\n  sensitive = true\r\n  default = null\r\n}"), "a=- ");
  EXPECT_EQ(Secrets(""), "");
}

TEST(RootVariablesTest, NotFooledByWhatLooksAlike) {
  EXPECT_EQ(
      Secrets("# variable \"a\" { sensitive = true }\n// variable \"a\" { sensitive = true }\n"
              "/* variable \"a\" {\n sensitive = true } */"),
      "");
  EXPECT_EQ(Secrets("output \"o\" {\n  sensitive = true\n}\nlocals {\n  variable = {\n"
                    "    sensitive = true\n  }\n}"),
            "");
  EXPECT_EQ(Secrets("locals {\n  x = <<-EOT\n    variable \"a\" {\n    sensitive = true\n    }\n"
                    "  EOT\n}\nvariable \"b\" { sensitive = true }"),
            "b=- ");
  EXPECT_EQ(Secrets("variable \"a\" {\n  default = { sensitive = true }\n}"), "");
  EXPECT_EQ(Secrets("variable \"a\" {\n  type = object({ sensitive = optional(bool, true) })\n}"),
            "");
  EXPECT_EQ(Secrets("locals {\n  s = \"${join(\"}\", [\"\\\"\", \"{\"])} %{ if true }\"\n}\n"
                    "variable \"b\" { sensitive = true }"),
            "b=- ");
  EXPECT_EQ(Secrets("variable \"a\" {\n  validation {\n    condition = var.a == \"}\"\n"
                    "    error_message = \"$${x\"\n  }\n  sensitive = true /* why */ # {\n}"),
            "a=- ");
}

TEST(RootVariablesTest, WhatHasToBeEvaluated) {
  EXPECT_EQ(Secrets("variable \"a\" { sensitive = !false }"), "?");
  EXPECT_EQ(Secrets("variable \"a\" { sensitive = \"true\" }"), "?");
  EXPECT_EQ(Secrets("variable \"a\" {\n  sensitive = true\n  default = [\"x\"]\n}"), "?");
  EXPECT_EQ(Secrets("variable \"a\" {\n  sensitive = true\n  default = \"a\\\"b\"\n}"), "?");
  EXPECT_EQ(Secrets("variable \"a\" {\n  sensitive = true\n  default = 1234\n}"), "?");
  EXPECT_EQ(Secrets("variable \"a\" {\n  sensitive = true\n  default = \"1\"\n  type = number\n}"),
            "?");
}

TEST(RootVariablesTest, WhatIsNoHcl) {
  for (const char* text : {"variable \"a\" {", "x = \"open", "x = <<EOT\n", "/* open", "x = \"${",
                           "variable", "variable \"a\" \"b\" {}", "variable \"a\" { \"x\" }"}) {
    EXPECT_EQ(Secrets(text), "?") << text;
  }
}

}  // namespace
}  // namespace stackyard::runner
