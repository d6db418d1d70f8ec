// Bytes by the digest of their content.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace stackyard {

// Whether a text can be the digest of a blob: SHA-256 in hex.
bool IsDigest(std::string_view text);

class BlobStore {
 public:
  virtual ~BlobStore() = default;
  // Stores bytes and answers their digest, SHA-256 in hex. What is answered is durable. The same
  // bytes again change nothing but the blob's age.
  virtual absl::StatusOr<std::string> Put(std::string_view data) = 0;
  // RESOURCE_NOT_FOUND for an unknown digest; INTERNAL when the content no longer has the digest.
  // All calls: DEPENDENCY_UNAVAILABLE when the blobs are elsewhere and that does not answer.
  virtual absl::StatusOr<std::string> Get(std::string_view digest) = 0;
  // Deleting what is not there is no error.
  virtual absl::Status Delete(std::string_view digest) = 0;
  // Digests of the blobs that were last put before a time, in any order.
  virtual absl::StatusOr<std::vector<std::string>> ListOlder(absl::Time time) = 0;
  // Deletes a blob, unless it was put since `time`: who puts a blob and names it in a row within
  // the age that others are spared for never loses it. True when it was deleted.
  virtual absl::StatusOr<bool> DeleteOlder(std::string_view digest, absl::Time time) = 0;
};

// How the content of a blob is written down. Thread-safe.
class BlobForm {
 public:
  virtual ~BlobForm() = default;
  virtual std::string Wrap(std::string_view content, std::string_view digest) const = 0;
  // What Wrap was given; also of what was written down before there was this form.
  virtual absl::StatusOr<std::string> Unwrap(std::string stored, std::string_view digest) const = 0;
};

// Files under `root`, `ab/cdef…`, written beside their place, synced and renamed. Without a form
// they hold the content as it is.
absl::StatusOr<std::unique_ptr<BlobStore>> OpenDirectoryBlobStore(
    std::string_view root, std::unique_ptr<BlobForm> form = nullptr);

}  // namespace stackyard
