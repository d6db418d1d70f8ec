#include "services/stacks/labels.h"

#include <google/protobuf/util/field_mask_util.h>
#include <re2/re2.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace stackyard::stacks {

using google::protobuf::FieldDescriptor;
using google::protobuf::FieldMask;
using google::protobuf::util::FieldMaskUtil;

void CheckLabels(std::string_view field, const StringMap& labels, Violations& violations) {
  static const RE2 kKey("[a-z0-9][a-z0-9._/-]{0,62}");
  if (labels.size() > 64) violations.Add(field, "must be at most 64");
  for (const auto& [key, value] : labels) {
    if (!RE2::FullMatch(key, kKey)) {
      violations.Add(field, absl::StrCat("the key `", key.substr(0, 80),
                                         "` must be 1 to 63 of a-z, 0-9, `.`, `/`, `-` and `_`"));
    }
    if (value.size() > 63) {
      violations.Add(absl::StrCat(std::string(field), ".", key.substr(0, 80)),
                     "must have at most 63 characters");
    }
  }
}

void CheckAnnotations(std::string_view field, const StringMap& annotations,
                      Violations& violations) {
  size_t size = 0;
  for (const auto& [key, value] : annotations) size += key.size() + value.size();
  if (size > 16 << 10) violations.Add(field, "must have at most 16 KiB in all");
}

absl::Status ApplyMask(const google::protobuf::Message& from, const FieldMask& mask,
                       const std::vector<std::string>& allowed, google::protobuf::Message& to) {
  FieldMask effective = mask;
  if (mask.paths().empty()) {
    for (const std::string& path : allowed) {
      const FieldDescriptor* field = from.GetDescriptor()->FindFieldByName(path);
      const auto* reflection = from.GetReflection();
      const bool set = field->is_repeated() ? reflection->FieldSize(from, field) > 0
                                            : reflection->HasField(from, field);
      if (set) effective.add_paths(path);
    }
  }
  Violations violations;
  for (const std::string& path : effective.paths()) {
    if (std::find(allowed.begin(), allowed.end(), path) == allowed.end()) {
      violations.Add("update_mask", absl::StrCat("cannot change `", path, "`; it can change ",
                                                 absl::StrJoin(allowed, ", ")));
    }
  }
  if (!violations.empty()) return violations.ToStatus();
  for (const std::string& path : effective.paths()) {
    // Maps and lists are replaced, not merged.
    const FieldDescriptor* field = to.GetDescriptor()->FindFieldByName(path);
    to.GetReflection()->ClearField(&to, field);
  }
  FieldMaskUtil::MergeOptions options;
  options.set_replace_message_fields(true);
  options.set_replace_repeated_fields(true);
  FieldMaskUtil::MergeMessageTo(from, effective, options, &to);
  return absl::OkStatus();
}

}  // namespace stackyard::stacks
