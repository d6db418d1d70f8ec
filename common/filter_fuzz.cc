// Whatever a filter says, it is refused or it is one: it means the opposite of its NOT, and what it
// pins is all that it matches.
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/filter.h"
#include "common/insist.h"
#include "google/protobuf/text_format.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard {
namespace {

const v1::Stack& Example() {
  static const auto& stack = *[] {
    auto* made = new v1::Stack;
    Insist(google::protobuf::TextFormat::ParseFromString(
        R"(name: "projects/web/stacks/shop" state: READY creator: "users/ada" latest_revision: 3
           labels { key: "team" value: "web" } create_time { seconds: 1790000000 }
           lease { extended: true end_time { seconds: 1790003600 } }
           parameters { fields { key: "size" value { number_value: 3 } }
                        fields { key: "zones" value { list_value { values { string_value: "a" } } } } })",
        made));
    return made;
  }();
  return stack;
}

}  // namespace
}  // namespace stackyard

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stackyard;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto filter = Filter::Parse(text, v1::Stack::descriptor());
  if (!filter.ok()) {
    Insist(ReasonOf(filter.status()) == v1::INVALID_FIELD);
    return 0;
  }
  const bool matches = filter->Matches(Example());
  // A filter may be as long and as deep as it can get without the NOT.
  const auto opposite = Filter::Parse("NOT (" + text + ")", v1::Stack::descriptor());
  if (!filter->empty() && opposite.ok()) Insist(opposite->Matches(Example()) != matches);
  const auto pinned = filter->PinnedEnum("state");
  if (pinned && matches) Insist(*pinned == Example().state());
  if (!filter->empty()) Insist(!filter->Matches(v1::Lease()));
  return 0;
}
