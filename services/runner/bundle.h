// Unpacks template bundles.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace stackyard::runner {

// The limits of PublishTemplateVersionRequest.bundle.
inline constexpr size_t kMaxBundle = 8 << 20;
inline constexpr size_t kMaxUnpacked = 64 << 20;
inline constexpr size_t kMaxMember = 16 << 20;
inline constexpr int kMaxMembers = 2000;

// Unpacks a gzipped or plain tar into a folder that exists and is empty. Takes regular files and
// folders only, with relative names that stay inside; no `.terraform`, no state and no values of
// Stackyard's own. BUNDLE_INVALID with the member's name otherwise; the folder then holds a part.
absl::Status UnpackBundle(std::string_view bundle, const std::string& folder);

}  // namespace stackyard::runner
