// The schemas of the resources that a run has to do with.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "absl/status/status.h"
#include "services/runner/resource_schema.h"

namespace stackyard::runner {

enum class ResourceMode { kManaged, kData };

// The built-in provider `terraform.io/builtin/terraform` is known from the start.
class ResourceSchemas {
 public:
  ResourceSchemas();

  // Takes a GetProviderSchema.Response of the plugin protocol, version 5 or 6, from the provider
  // `source` (`registry.terraform.io/hashicorp/aws`). Types that were left out of it stay unknown;
  // of a type that was known already the new schema counts. DATA_LOSS, and nothing changes, when it
  // is no such answer.
  absl::Status AddProvider(std::string_view source, std::string_view response);

  // nullptr: not known, and nothing may be assumed of it.
  const ResourceSchema* Find(std::string_view source, ResourceMode mode,
                             std::string_view type) const;

 private:
  using Key = std::tuple<std::string, ResourceMode, std::string>;
  std::map<Key, ResourceSchema> schemas_;
};

}  // namespace stackyard::runner
