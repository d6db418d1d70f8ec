// A state is refused, or it can be shown, counted and given another serial.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/insist.h"
#include "common/utf8.h"
#include "services/stacks/state_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stackyard;
  using namespace stackyard::stacks;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto state = ParseState(text);
  const auto mark = ParseStateMark(text);
  if (!state.ok()) {
    Insist(ReasonOf(state.status()) == v1::INVALID_FIELD);
    const std::string message(state.status().message());
    Insist(ValidUtf8(message) == message);
    return 0;
  }
  Insist(mark.ok() && mark->serial == state->serial && mark->lineage == state->lineage);
  for (const v1::Resource& resource : state->resources) {
    v1::Resource back;
    Insist(back.ParseFromString(resource.SerializeAsString()));
  }
  for (const auto& [name, output] : state->outputs) {
    v1::Output back;
    Insist(back.ParseFromString(output.SerializeAsString()));
  }
  google::protobuf::Map<std::string, internal::v1::AttributePaths> paths;
  for (const char* path : {"input", "input.size", "disk.0.size", "tags.team"}) {
    paths["terraform_data"].add_paths(path);
  }
  for (const MeteredResource& resource : MeteredResources(*state, paths)) {
    MeteredResource back;
    Insist(back.ParseFromString(resource.SerializeAsString()));
  }
  const auto next = WithSerial(text, 7);
  if (next.ok()) {
    const auto again = ParseState(*next);
    Insist(again.ok() && again->serial == 7 && again->lineage == state->lineage);
    Insist(again->resources.size() == state->resources.size());
    Insist(again->outputs.size() == state->outputs.size());
  }
  return 0;
}
