// A token that is taken leads to where it was made, of this listing alone.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/insist.h"
#include "common/paging.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stackyard;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto sent = ReadPage(10, text, "scope");
  if (sent.ok()) {
    Insist(sent->size == 10);
    if (!text.empty())
      Insist(ReadPage(10, PageToken(sent->after, "scope"), "scope")->after == sent->after);
  } else {
    Insist(ReasonOf(sent.status()) == v1::INVALID_FIELD);
  }
  // No row has an empty key.
  if (text.empty()) return 0;
  const auto made = ReadPage(10, PageToken(text, "scope"), "scope");
  Insist(made.ok() && made->after == text);
  Insist(!ReadPage(10, PageToken(text, "scope"), "another").ok());
  return 0;
}
