// Bytes by the digest of their content.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stackyard {

class BlobStore {
 public:
  virtual ~BlobStore() = default;
  // Stores bytes and answers their digest, SHA-256 in hex. What is answered is durable. The same
  // bytes again change nothing.
  virtual absl::StatusOr<std::string> Put(std::string_view data) = 0;
  // RESOURCE_NOT_FOUND for an unknown digest; INTERNAL when the content no longer has the digest.
  virtual absl::StatusOr<std::string> Get(std::string_view digest) = 0;
  // Deleting what is not there is no error.
  virtual absl::Status Delete(std::string_view digest) = 0;
};

// Files under `root`, `ab/cdef…`, written beside their place, synced and renamed.
absl::StatusOr<std::unique_ptr<BlobStore>> OpenDirectoryBlobStore(std::string_view root);

}  // namespace stackyard
