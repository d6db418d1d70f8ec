// Blobs that are away when a test says so.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/blob_store.h"

namespace stackyard::stacks {

// Passes on to another store, unless it is told to be away.
class FaultyBlobStore final : public BlobStore {
 public:
  explicit FaultyBlobStore(BlobStore& store) : store_(store) {}

  absl::StatusOr<std::string> Put(std::string_view data) override {
    if (after_put) after_put();
    if (!failure.ok()) return failure;
    return store_.Put(data);
  }
  absl::StatusOr<std::string> Get(std::string_view digest) override {
    if (before_get) before_get();
    if (!failure.ok()) return failure;
    return store_.Get(digest);
  }
  absl::Status Delete(std::string_view digest) override { return store_.Delete(digest); }
  absl::StatusOr<std::vector<std::string>> ListOlder(absl::Time time) override {
    return store_.ListOlder(time);
  }
  absl::StatusOr<bool> DeleteOlder(std::string_view digest, absl::Time time) override {
    return store_.DeleteOlder(digest, time);
  }

  absl::Status failure;
  std::function<void()> after_put;
  std::function<void()> before_get;

 private:
  BlobStore& store_;
};

}  // namespace stackyard::stacks
