#include "common/field_path.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status.h"
#include "stackyard/v1/annotations.pb.h"

namespace stackyard {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

bool IsContinuation(char c) { return (static_cast<uint8_t>(c) & 0xC0) == 0x80; }

// Length of the UTF-8 character at the start of the text; 0 when there is none.
size_t CharacterLength(std::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  const auto second = static_cast<uint8_t>(text[1]);
  // Longer forms than needed, surrogates, and what lies past U+10FFFF.
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
      (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
    return 0;
  }
  return length;
}

}  // namespace

bool IsSecret(const FieldDescriptor* field) { return field->options().GetExtension(v1::secret); }

const FieldDescriptor* FindField(const Descriptor* type, std::string_view name) {
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    if (field->name() == name || field->json_name() == name) {
      return IsSecret(field) ? nullptr : field;
    }
  }
  return nullptr;
}

std::string FieldNames(const Descriptor* type) {
  std::vector<std::string> names;
  for (int i = 0; i < type->field_count(); ++i) {
    if (!IsSecret(type->field(i))) names.push_back(type->field(i)->name());
  }
  return absl::StrCat("one of ", absl::StrJoin(names, ", "));
}

std::string Quoted(std::string_view text) {
  constexpr size_t kMost = 40;
  size_t size = std::min(text.size(), kMost);
  while (size < text.size() && size > 0 && IsContinuation(text[size])) --size;
  std::string quoted = "\"";
  for (char c : text.substr(0, size)) {
    quoted += static_cast<uint8_t>(c) < 0x20 || c == 0x7F ? ' ' : c;
  }
  return quoted + (size < text.size() ? "…\"" : "\"");
}

std::string DescribeAt(std::string_view text, size_t offset, std::string_view what) {
  const auto before = text.substr(0, offset);
  const auto characters = before.size() - static_cast<size_t>(std::count_if(
                                              before.begin(), before.end(), IsContinuation));
  return absl::StrCat("at character ", characters + 1, ": ", std::string(what));
}

absl::Status ErrorAt(std::string_view field, std::string_view text, size_t offset,
                     std::string_view what) {
  return InvalidField(field, DescribeAt(text, offset, what));
}

absl::Status CheckFieldText(std::string_view field, std::string_view text) {
  if (text.size() > kMaxFieldText) {
    return InvalidField(
        field, absl::StrCat("expected at most ", kMaxFieldText, " bytes, found ", text.size()));
  }
  for (size_t at = 0; at < text.size();) {
    const size_t length = CharacterLength(text.substr(at));
    if (length == 0) return ErrorAt(field, text, at, "expected valid UTF-8");
    at += length;
  }
  return absl::OkStatus();
}

}  // namespace stackyard
