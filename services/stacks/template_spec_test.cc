#include "services/stacks/template_spec.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "services/stacks/test_faults.h"

namespace stackyard::stacks {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using testing::UnorderedElementsAre;

using Variables = google::protobuf::RepeatedPtrField<v1::Parameter>;
using Outputs = google::protobuf::RepeatedPtrField<v1::OutputSpec>;

constexpr char kFull[] = R"(title: Shop
description: A shop
parameters:
  name:
    title: Name
    description: What it is called
    pattern: "[a-z]+"
    min_length: 2
    max_length: 20
    example: "12"
  size:
    minimum: 1
    maximum: 8.5
    allowed_values: [1, 2, "3", true, null, [a], {k: v}]
meters:
  - metric: vcpu
    resource_type: aws_instance
    amount: 2
    lookup:
      attribute: instance_type
      table: {t3.small: 2, m5.large: 4}
      default: 8
    price: {per_hour: "0.0208", currency: USD, date: 2026-01-31}
  - {metric: disk, resource_type: aws_ebs_volume, attribute: size}
approval:
  mode: auto
  reviewer_role: admin
  required_approvals: 2
  review_destroy: true
  expires_after: 36h
lease: {default: 12h, maximum: 7d, warnings: [2h, 30m]}
drift: {interval: 24h}
files:
  - {filename: kubeconfig, output: kubeconfig}
network: {disabled: true}
limits: {plan_timeout: 10m, apply_timeout: 2h, memory: 1GiB, cpus: 1.5, processes: 256}
)";

TEST(TemplateSpecTest, ReadsAFullFile) {
  const auto spec = ParseTemplateSpec(kFull);
  ASSERT_TRUE(spec.ok()) << spec.status();
  const v1::TemplateVersion& version = spec->version;
  EXPECT_EQ(version.title(), "Shop");
  EXPECT_EQ(version.description(), "A shop");

  ASSERT_EQ(version.parameters_size(), 2);
  EXPECT_THAT(spec->parameter_lines, ElementsAre(4, 11));
  const v1::Parameter& name = version.parameters(0);
  EXPECT_EQ(name.name(), "name");
  EXPECT_EQ(name.title(), "Name");
  EXPECT_EQ(name.pattern(), "[a-z]+");
  EXPECT_EQ(name.min_length(), 2);
  EXPECT_EQ(name.max_length(), 20);
  EXPECT_EQ(name.example().string_value(), "12") << "what is quoted is a string";
  const v1::Parameter& size = version.parameters(1);
  EXPECT_EQ(size.minimum(), 1);
  EXPECT_EQ(size.maximum(), 8.5);
  ASSERT_EQ(size.allowed_values_size(), 7);
  EXPECT_EQ(size.allowed_values(0).number_value(), 1);
  EXPECT_EQ(size.allowed_values(2).string_value(), "3");
  EXPECT_TRUE(size.allowed_values(3).bool_value());
  EXPECT_TRUE(size.allowed_values(4).has_null_value());
  EXPECT_EQ(size.allowed_values(5).list_value().values(0).string_value(), "a");
  EXPECT_EQ(size.allowed_values(6).struct_value().fields().at("k").string_value(), "v");

  ASSERT_EQ(version.meters_size(), 2);
  const v1::Meter& vcpu = version.meters(0);
  EXPECT_EQ(vcpu.metric(), "vcpu");
  EXPECT_EQ(vcpu.resource_type(), "aws_instance");
  EXPECT_EQ(vcpu.amount(), 2);
  EXPECT_EQ(vcpu.lookup().attribute(), "instance_type");
  EXPECT_EQ(vcpu.lookup().table().at("m5.large"), 4);
  EXPECT_EQ(vcpu.lookup().default_amount(), 8);
  EXPECT_EQ(vcpu.price_micros_per_hour(), 20'800);
  EXPECT_EQ(vcpu.currency(), "USD");
  EXPECT_EQ(vcpu.price_date(), "2026-01-31");
  EXPECT_EQ(version.meters(1).attribute(), "size");
  EXPECT_EQ(version.meters(1).amount(), 1);

  EXPECT_EQ(version.approval().mode(), v1::ApprovalPolicy::AUTO);
  EXPECT_EQ(version.approval().reviewer_role(), "admin");
  EXPECT_EQ(version.approval().required_approvals(), 2);
  EXPECT_TRUE(version.approval().review_destroy());
  EXPECT_EQ(FromProto(version.approval().expires_after()), absl::Hours(36));
  EXPECT_EQ(FromProto(version.lease().default_duration()), absl::Hours(12));
  EXPECT_EQ(FromProto(version.lease().max_duration()), absl::Hours(7 * 24));
  ASSERT_EQ(version.lease().warnings_size(), 2);
  EXPECT_EQ(FromProto(version.lease().warnings(1)), absl::Minutes(30));
  EXPECT_EQ(FromProto(version.drift().interval()), absl::Hours(24));
  EXPECT_EQ(version.files(0).filename(), "kubeconfig");
  EXPECT_TRUE(version.network().disabled());
  EXPECT_EQ(FromProto(version.limits().plan_timeout()), absl::Minutes(10));
  EXPECT_EQ(FromProto(version.limits().apply_timeout()), absl::Hours(2));
  EXPECT_EQ(version.limits().memory_mib(), 1024);
  EXPECT_EQ(version.limits().cpu_millis(), 1500);
  EXPECT_EQ(version.limits().processes(), 256);
}

TEST(TemplateSpecTest, PricesMayStandAloneAndBudgetsCountThem) {
  const auto spec = ParseTemplateSpec(
      "title: x\nmeters:\n"
      "  - {resource_type: t, price: {per_hour: 1, currency: USD, date: 2026-1-3}}\n"
      "  - {metric: budget, cost: true}\n");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->version.meters(0).metric(), "");
  EXPECT_EQ(spec->version.meters(0).price_date(), "2026-01-03");
  EXPECT_TRUE(spec->version.meters(1).cost());
}

TEST(TemplateSpecTest, ATitleIsEnough) {
  const auto spec = ParseTemplateSpec("title: Shop\n");
  ASSERT_TRUE(spec.ok()) << spec.status();
  const auto& approval = spec->version.approval();
  EXPECT_EQ(approval.mode(), v1::ApprovalPolicy::REQUIRED);
  EXPECT_EQ(approval.reviewer_role(), "devops");
  EXPECT_EQ(approval.required_approvals(), 1);
  EXPECT_EQ(FromProto(approval.expires_after()), absl::Hours(7 * 24));
  EXPECT_EQ(FromProto(spec->version.lease().default_duration()), absl::Hours(7 * 24));
  EXPECT_EQ(FromProto(spec->version.lease().max_duration()), absl::Hours(90 * 24));
  EXPECT_EQ(spec->version.lease().warnings_size(), 3);
  EXPECT_FALSE(spec->version.has_drift());
}

TEST(TemplateSpecTest, AShortMaximumShortensTheLeaseThatIsNotSaid) {
  const auto spec = ParseTemplateSpec("title: Shop\nlease: {maximum: 12h}\n");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(FromProto(spec->version.lease().default_duration()), absl::Hours(12));
}

// What is at fault, and the fault that is told of it. All but the first are put below a title.
struct Fault {
  const char* yaml;
  const char* told;
};

class TemplateSpecFaultTest : public testing::TestWithParam<Fault> {};

TEST_P(TemplateSpecFaultTest, IsToldWithItsLine) {
  const auto spec = ParseTemplateSpec(absl::StrCat("title: Shop\n", GetParam().yaml));
  EXPECT_EQ(ReasonOf(spec.status()), v1::INVALID_FIELD);
  EXPECT_THAT(FaultsOf(spec.status()), ElementsAre(HasSubstr(GetParam().told))) << GetParam().yaml;
}

INSTANTIATE_TEST_SUITE_P(
    All, TemplateSpecFaultTest,
    testing::Values(
        Fault{"\ncolour: red\n", "template.yaml:3: template.yaml has no key `colour`"},
        Fault{"title: Again\n", "template.yaml:2: template.yaml has `title` twice"},
        Fault{"description: [a]\n", "template.yaml:2: description must be a string"},
        Fault{"parameters: [a]\n", "template.yaml:2: parameters must be a map"},
        Fault{"parameters:\n  a: 1\n", "template.yaml:3: parameters.a must be a map"},
        Fault{"parameters:\n  a: {}\n  a: {}\n", "template.yaml:4: parameters has `a` twice"},
        Fault{"parameters:\n  a: {colour: red}\n",
              "template.yaml:3: parameters.a has no key `colour`"},
        Fault{"parameters:\n  a: {minimum: low}\n",
              "template.yaml:3: parameters.a.minimum must be a number"},
        Fault{"parameters:\n  a: {minimum: .inf}\n",
              "template.yaml:3: parameters.a.minimum must be a number"},
        Fault{"parameters:\n  a: {minimum: 3, maximum: 2}\n",
              "template.yaml:3: parameters.a has a minimum above its maximum"},
        Fault{"parameters:\n  a: {min_length: 3, max_length: 2}\n",
              "template.yaml:3: parameters.a has a min_length above its max_length"},
        Fault{"parameters:\n  a: {max_length: -1}\n",
              "template.yaml:3: parameters.a.max_length must be a whole number"},
        Fault{"parameters:\n  a:\n    pattern: \"[\"\n",
              "template.yaml:4: parameters.a.pattern is no RE2 expression"},
        Fault{"parameters:\n  a: {allowed_values: 3}\n",
              "template.yaml:3: parameters.a.allowed_values must be a list"},
        Fault{"meters: {}\n", "template.yaml:2: meters must be a list"},
        Fault{"meters:\n  - {metric: vcpu}\n",
              "template.yaml:3: meters[0].resource_type is missing"},
        Fault{"meters:\n  - {resource_type: t}\n", "template.yaml:3: meters[0].metric is missing"},
        Fault{"meters:\n  - {metric: vCPU, resource_type: t}\n",
              "template.yaml:3: meters[0].metric must be a-z"},
        Fault{"meters:\n  - metric: m\n    resource_type: t\n    amount: -1\n",
              "template.yaml:5: meters[0].amount must be a whole number"},
        Fault{"meters:\n  - metric: m\n    resource_type: t\n    amount: 1.5\n",
              "template.yaml:5: meters[0].amount must be a whole number"},
        Fault{"meters:\n  - metric: m\n    resource_type: t\n    attribute: a\n"
              "    lookup: {attribute: b, table: {}}\n",
              "template.yaml:3: meters[0] has attribute and lookup"},
        Fault{"meters:\n  - {metric: m, resource_type: t, lookup: {table: {}}}\n",
              "template.yaml:3: meters[0].lookup.attribute is missing"},
        Fault{"meters:\n  - {metric: m, resource_type: t, lookup: {attribute: a}}\n",
              "template.yaml:3: meters[0].lookup.table is missing"},
        Fault{"meters:\n  - {metric: m, resource_type: t, lookup: {attribute: a, table: {x: y}}}\n",
              "template.yaml:3: meters[0].lookup.table.x must be a whole number"},
        Fault{"meters:\n  - {resource_type: t}\n", "template.yaml:3: meters[0].metric is missing"},
        Fault{"meters:\n  - {metric: budget, cost: true}\n", "none has a price"},
        Fault{"meters:\n"
              "  - {resource_type: t, price: {per_hour: 1, currency: USD, date: 2026-01-31}}\n"
              "  - {metric: budget, cost: true, resource_type: t}\n",
              "template.yaml:4: meters[1] counts the cost and takes no resource_type"},
        Fault{"meters:\n"
              "  - {resource_type: t, price: {per_hour: 1, currency: USD, date: 2026-01-31}}\n"
              "  - {resource_type: u, price: {per_hour: 1, currency: EUR, date: 2026-01-31}}\n",
              "template.yaml:3: meters have prices in more than one currency"},
        Fault{"meters:\n"
              "  - {metric: m, resource_type: t,"
              " price: {per_hour: 1, currency: USD, date: 2026-01-31}}\n"
              "  - {metric: m, cost: true}\n",
              "template.yaml:3: meters add resources and cost to the one metric m"},
        Fault{"meters:\n  - {metric: m, resource_type: t, price: {per_hour: 1, currency: USD}}\n",
              "template.yaml:3: meters[0].price.date is missing"},
        Fault{"meters:\n  - metric: m\n    resource_type: t\n"
              "    price: {per_hour: -1, currency: USD, date: 2026-01-31}\n",
              "template.yaml:5: meters[0].price.per_hour must be from 0"},
        Fault{"meters:\n  - metric: m\n    resource_type: t\n"
              "    price: {per_hour: 1, currency: usd, date: 2026-01-31}\n",
              "template.yaml:5: meters[0].price.currency must be an ISO 4217 code"},
        Fault{"meters:\n  - metric: m\n    resource_type: t\n"
              "    price: {per_hour: 1, currency: USD, date: 31.1.2026}\n",
              "template.yaml:5: meters[0].price.date must be a day"},
        Fault{"approval:\n  mode: maybe\n", "template.yaml:3: approval.mode must be auto or"},
        Fault{"approval:\n  required_approvals: 0\n",
              "template.yaml:3: approval.required_approvals must be a whole number from 1 to 10"},
        Fault{"approval:\n  review_destroy: 1\n",
              "template.yaml:3: approval.review_destroy must be true or false"},
        Fault{"approval:\n  expires_after: soon\n",
              "template.yaml:3: approval.expires_after must be a duration"},
        Fault{"lease:\n  default: 0s\n",
              "template.yaml:3: lease.default must be more than nothing"},
        Fault{"lease:\n  maximum: -5h\n", "template.yaml:3: lease.maximum must be more than"},
        Fault{"lease:\n  maximum: 9999d\n", "template.yaml:3: lease.maximum must be more than"},
        Fault{"lease:\n  maximum: inf\n", "template.yaml:3: lease.maximum must be"},
        Fault{"lease: {default: 8d, maximum: 7d}\n",
              "template.yaml:2: lease.default is longer than lease.maximum"},
        Fault{"lease:\n  warnings: 1h\n", "template.yaml:3: lease.warnings must be a list"},
        Fault{"drift: {interval: never}\n", "template.yaml:2: drift.interval must be a duration"},
        Fault{"files:\n  - {filename: a/b, output: o}\n",
              "template.yaml:3: files[0].filename must have no `/`"},
        Fault{"files:\n  - {filename: a}\n", "template.yaml:3: files[0] needs filename and output"},
        Fault{"limits: {memory: lots}\n", "template.yaml:2: limits.memory must be a size"},
        Fault{"limits: {memory: 63MiB}\n", "template.yaml:2: limits.memory must be a size"},
        Fault{"limits: {cpus: 0}\n", "template.yaml:2: limits.cpus must be from 0.1"},
        Fault{"limits: {processes: 5}\n", "template.yaml:2: limits.processes must be a whole"},
        Fault{"limits: {plan_timeout: 25h}\n", "template.yaml:2: limits.plan_timeout must be from"},
        Fault{"limits: {disk: 1GiB}\n", "template.yaml:2: limits has no key `disk`"},
        Fault{"network: {disabled: perhaps}\n",
              "template.yaml:2: network.disabled must be true or false"},
        Fault{"description: \"caf\xe9\"\n", "template.yaml:2: is no UTF-8"},
        Fault{"description: \"\xed\xa0\x80\"\n", "template.yaml:2: is no UTF-8"},
        Fault{"lease: [\n", "is no YAML"}, Fault{"a: b: c\n", "template.yaml:2: is no YAML"}));

TEST(TemplateSpecTest, WhatIsNoMapIsToldSo) {
  for (const char* yaml : {"", "- a\n", "just text", "7"}) {
    EXPECT_THAT(FaultsOf(ParseTemplateSpec(yaml).status()),
                ElementsAre("template.yaml:1: must be a map with at least `title`"))
        << yaml;
  }
  EXPECT_THAT(FaultsOf(ParseTemplateSpec("description: x").status()),
              ElementsAre("template.yaml:1: `title` is missing"));
}

TEST(TemplateSpecTest, TellsSeveralFaultsAtOnce) {
  const auto spec = ParseTemplateSpec(
      "description: x\n"
      "parameters:\n"
      "  a: {minimum: x, pattern: \"[\"}\n"
      "meters:\n"
      "  - {metric: m, amount: 0.5}\n"
      "lease: {default: x, maximum: 400000d}\n");
  EXPECT_THAT(
      FaultsOf(spec.status()),
      UnorderedElementsAre(StartsWith("template.yaml:1: `title`"),
                           StartsWith("template.yaml:3: parameters.a.minimum"),
                           StartsWith("template.yaml:3: parameters.a.pattern"),
                           StartsWith("template.yaml:5: meters[0].amount"),
                           StartsWith("template.yaml:5: meters[0].resource_type is missing"),
                           StartsWith("template.yaml:6: lease.default"),
                           StartsWith("template.yaml:6: lease.maximum")));
}

TEST(TemplateSpecTest, AliasesAreRefusedBeforeTheyAreFollowed) {
  std::string bomb = "title: Shop\nparameters:\n  p:\n    allowed_values:\n      - &a0 [x]\n";
  for (int i = 1; i < 40; ++i) {
    absl::StrAppend(&bomb, "      - &a", i, " [");
    for (int j = 0; j < 10; ++j) absl::StrAppend(&bomb, j == 0 ? "" : ", ", "*a", i - 1);
    absl::StrAppend(&bomb, "]\n");
  }
  for (const std::string& yaml :
       {bomb, std::string("title: Shop\nparameters:\n  p:\n    example: &a [*a]\n"),
        std::string("title: &t Shop\ndescription: *t\n")}) {
    const auto spec = ParseTemplateSpec(yaml);
    EXPECT_EQ(ReasonOf(spec.status()), v1::INVALID_FIELD);
    EXPECT_THAT(FaultsOf(spec.status()), Each(HasSubstr("aliases")));
  }
  EXPECT_THAT(FaultsOf(ParseTemplateSpec("title: &t Shop\ndescription: *t\n").status()),
              ElementsAre(StartsWith("template.yaml:2: ")));
}

TEST(TemplateSpecTest, NestingHasAnEnd) {
  for (const char* open : {"[", "{a: "}) {
    std::string deep = "title: Shop\nparameters: {p: {example: ";
    for (int i = 0; i < 100'000; ++i) deep += open;
    EXPECT_EQ(ReasonOf(ParseTemplateSpec(deep).status()), v1::INVALID_FIELD);
  }
  std::string deep = "title: Shop\nparameters: {p: {example: ";
  deep += std::string(400, '[') + std::string(400, ']') + "}}\n";
  EXPECT_EQ(ReasonOf(ParseTemplateSpec(deep).status()), v1::INVALID_FIELD);
  deep = "title: Shop\nparameters: {p: {example: " + std::string(21, '[') + std::string(21, ']');
  EXPECT_THAT(FaultsOf(ParseTemplateSpec(deep + "}}\n").status()),
              ElementsAre("template.yaml:2: a value is nested more than 20 levels deep"));
  // What is taken can be read again from where it is stored.
  deep = "title: Shop\nparameters: {p: {example: ";
  for (int i = 0; i < 19; ++i) deep += "{a: ";
  const auto spec = ParseTemplateSpec(deep + "1" + std::string(19, '}') + "}}\n");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_TRUE(v1::TemplateVersion().ParseFromString(spec->version.SerializeAsString()));
}

// The module that the tests of JoinModule join with.
Variables VariablesOfModule() {
  Variables variables;
  const auto add = [&](const char* name, const char* type, const char* type_json) {
    v1::Parameter& variable = *variables.Add();
    variable.set_name(name);
    variable.set_type(type);
    variable.set_type_json(type_json);
    variable.set_description("what the module says");
  };
  add("zone", "string", R"("string")");
  add("size", "number", R"("number")");
  add("name", "string", R"("string")");
  variables.Mutable(1)->mutable_default_value()->set_number_value(2);
  return variables;
}

Outputs OutputsOfModule() {
  Outputs outputs;
  outputs.Add()->set_name("url");
  return outputs;
}

absl::Status Join(const std::string& yaml, v1::TemplateVersion& version) {
  const auto spec = ParseTemplateSpec(absl::StrCat("title: Shop\n", yaml));
  EXPECT_TRUE(spec.ok()) << spec.status();
  return JoinModule(*spec, VariablesOfModule(), OutputsOfModule(), version);
}

TEST(TemplateSpecTest, JoinsTheModuleWithWhatTheFileAdds) {
  v1::TemplateVersion version;
  ASSERT_TRUE(Join("parameters:\n"
                   "  size: {title: Size, maximum: 4}\n"
                   "  name: {description: Better words}\n"
                   "files: [{filename: url.txt, output: url}]\n",
                   version)
                  .ok());
  ASSERT_EQ(version.parameters_size(), 3);
  EXPECT_EQ(version.parameters(0).name(), "size") << "in the order of the file";
  EXPECT_EQ(version.parameters(0).title(), "Size");
  EXPECT_EQ(version.parameters(0).maximum(), 4);
  EXPECT_EQ(version.parameters(0).type_json(), R"("number")");
  EXPECT_EQ(version.parameters(0).description(), "what the module says");
  EXPECT_EQ(version.parameters(0).default_value().number_value(), 2);
  EXPECT_EQ(version.parameters(1).name(), "name");
  EXPECT_EQ(version.parameters(1).description(), "Better words");
  EXPECT_EQ(version.parameters(2).name(), "zone") << "then in that of the module";
  EXPECT_EQ(version.outputs(0).name(), "url");
}

TEST(TemplateSpecTest, WhatTheModuleDoesNotHaveIsTold) {
  v1::TemplateVersion version;
  version.set_title("before");
  const absl::Status status = Join(
      "parameters:\n"
      "  colour: {}\n"
      "  size: {pattern: x, maximum: 1}\n"
      "  zone: {minimum: 1, example: [a]}\n"
      "  other: {}\n"
      "files: [{filename: a, output: kubeconfig}]\n",
      version);
  EXPECT_EQ(ReasonOf(status), v1::INVALID_FIELD);
  EXPECT_THAT(
      FaultsOf(status),
      UnorderedElementsAre("template.yaml:3: the module has no variable `colour`",
                           "template.yaml:6: the module has no variable `other`",
                           "template.yaml: files: the module has no output `kubeconfig`",
                           HasSubstr("parameters.size: pattern is for strings"),
                           HasSubstr("parameters.size (default): must be at most 1"),
                           HasSubstr("parameters.zone: minimum and maximum are for numbers"),
                           HasSubstr("parameters.zone (example): must be a string, not a list")));
  EXPECT_EQ(version.parameters_size(), 0) << "nothing is written when something is wrong";
}

}  // namespace
}  // namespace stackyard::stacks
