// Template bundles: a Terraform module as a tar, checked before anything else looks at it.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stackyard::stacks {

// Limits, also told in catalog.proto.
inline constexpr size_t kMaxBundleBytes = 8 << 20;
inline constexpr size_t kMaxUnpackedBytes = 64 << 20;
inline constexpr size_t kMaxMemberBytes = 16 << 20;
inline constexpr int kMaxMembers = 2000;

// What the catalogue itself reads of a bundle.
struct BundleContent {
  std::string template_yaml;
  // First 64 KiB of README.md; empty when there is none.
  std::string readme;
};

// Reads a tar or tar.gz without writing anything. BUNDLE_INVALID, with every fault found, when it
// is too large, damaged, has members with absolute or `..` paths, links, devices or names twice,
// brings `.terraform` or state files, or has no `template.yaml` or no `.tf` file at its root.
absl::StatusOr<BundleContent> ReadBundle(std::string_view bundle);

}  // namespace stackyard::stacks
