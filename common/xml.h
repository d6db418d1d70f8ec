// The XML that AWS answers with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace stackyard {

// An element: its name without a namespace, the text in it, and the elements in it.
struct XmlElement {
  std::string name;
  std::string text;
  std::vector<XmlElement> children;

  // The first child of this name; an empty element when there is none.
  const XmlElement& operator[](std::string_view child) const;
};

// The outermost element. INVALID_ARGUMENT when the text is no XML; elements deeper than 32 are left
// out.
absl::StatusOr<XmlElement> ParseXml(const std::string& text);

}  // namespace stackyard
