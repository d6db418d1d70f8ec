// A bundle is refused with its faults, or what is read of it keeps to the limits.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/insist.h"
#include "common/utf8.h"
#include "services/stacks/bundle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stackyard;
  const auto bundle =
      stacks::ReadBundle(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!bundle.ok()) {
    Insist(ReasonOf(bundle.status()) == v1::BUNDLE_INVALID);
    // Names of members are in it, which may be of any bytes.
    const std::string message(bundle.status().message());
    Insist(ValidUtf8(message) == message);
    return 0;
  }
  Insist(bundle->template_yaml.size() <= stacks::kMaxMemberBytes);
  Insist(bundle->readme.size() <= (64 << 10));
  Insist(ValidUtf8(bundle->readme) == bundle->readme);
  return 0;
}
