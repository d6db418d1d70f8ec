// Schemas of providers, which take a quarter of a second and 100 MB to make, and never change.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "services/runner/provider_binary.h"
#include "services/runner/provider_schema.h"

namespace stackyard::runner {

// By program, in memory and in a folder, which runners may share. Thread-safe.
class ProviderSchemaCache {
 public:
  explicit ProviderSchemaCache(std::string folder) : folder_(std::move(folder)) {}

  // nullptr when it is not there, or damaged.
  std::shared_ptr<const ProviderSchema> Find(const ProviderBinary& binary);
  // Keeps it in memory even when it cannot be written; then the error says why not.
  absl::Status Keep(const ProviderBinary& binary, ProviderSchema schema);

 private:
  std::string PathOf(const ProviderBinary& binary) const;

  const std::string folder_;
  absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<const ProviderSchema>> schemas_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stackyard::runner
