// A template.yaml is refused with the lines at fault, or what it says can be stored and joined with
// a module.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/insist.h"
#include "common/utf8.h"
#include "services/stacks/template_spec.h"

namespace stackyard::stacks {
namespace {

// Of the module that the seeds are for.
google::protobuf::RepeatedPtrField<v1::Parameter> Variables() {
  google::protobuf::RepeatedPtrField<v1::Parameter> variables;
  for (const auto& [name, type] : {std::pair("name", "string"), std::pair("amount", "number")}) {
    v1::Parameter& variable = *variables.Add();
    variable.set_name(name);
    variable.set_type(type);
    variable.set_type_json(absl::StrCat("\"", type, "\""));
  }
  variables[1].mutable_default_value()->set_number_value(3);
  return variables;
}

google::protobuf::RepeatedPtrField<v1::OutputSpec> Outputs() {
  google::protobuf::RepeatedPtrField<v1::OutputSpec> outputs;
  outputs.Add()->set_name("greeting");
  return outputs;
}

// Strings that are no UTF-8 could be stored and never read.
void InsistStorable(const v1::TemplateVersion& version) {
  v1::TemplateVersion back;
  Insist(back.ParseFromString(version.SerializeAsString()));
}

}  // namespace
}  // namespace stackyard::stacks

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stackyard;
  using namespace stackyard::stacks;
  const auto spec = ParseTemplateSpec(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!spec.ok()) {
    Insist(ReasonOf(spec.status()) == v1::INVALID_FIELD);
    const std::string message(spec.status().message());
    Insist(ValidUtf8(message) == message);
    return 0;
  }
  InsistStorable(spec->version);
  Insist(spec->parameter_lines.size() == static_cast<size_t>(spec->version.parameters_size()));
  v1::TemplateVersion version = spec->version;
  const absl::Status joined = JoinModule(*spec, Variables(), Outputs(), version);
  if (joined.ok()) {
    Insist(version.parameters_size() == 2);
    InsistStorable(version);
  }
  return 0;
}
