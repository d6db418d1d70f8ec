#include "common/cached_blob_store.h"

#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/status_macros.h"

namespace stackyard {
namespace {

class CachedBlobStore final : public BlobStore {
 public:
  CachedBlobStore(std::unique_ptr<BlobStore> store, size_t most)
      : store_(std::move(store)), most_(most) {}

  absl::StatusOr<std::string> Put(std::string_view data) override {
    ASSIGN_OR_RETURN(std::string digest, store_->Put(data));
    Keep(digest, std::string(data));
    return digest;
  }

  absl::StatusOr<std::string> Get(std::string_view digest) override {
    const std::string key(digest);
    if (auto kept = Find(key)) return *std::move(kept);
    ASSIGN_OR_RETURN(std::string data, store_->Get(digest));
    Keep(key, data);
    return data;
  }

  absl::Status Delete(std::string_view digest) override {
    Forget(std::string(digest));
    return store_->Delete(digest);
  }
  absl::StatusOr<std::vector<std::string>> ListOlder(absl::Time time) override {
    return store_->ListOlder(time);
  }
  absl::StatusOr<bool> DeleteOlder(std::string_view digest, absl::Time time) override {
    ASSIGN_OR_RETURN(const bool deleted, store_->DeleteOlder(digest, time));
    if (deleted) Forget(std::string(digest));
    return deleted;
  }

 private:
  struct Entry {
    std::string digest, data;
  };

  std::optional<std::string> Find(const std::string& digest) {
    absl::MutexLock lock(&mutex_);
    const auto found = by_digest_.find(digest);
    if (found == by_digest_.end()) return std::nullopt;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->data;
  }

  void Keep(const std::string& digest, const std::string& data) {
    if (data.size() > most_) return;
    absl::MutexLock lock(&mutex_);
    if (by_digest_.count(digest) > 0) return;
    entries_.push_front({digest, data});
    by_digest_[digest] = entries_.begin();
    bytes_ += data.size();
    while (bytes_ > most_) Drop(std::prev(entries_.end()));
  }

  void Forget(const std::string& digest) {
    absl::MutexLock lock(&mutex_);
    const auto found = by_digest_.find(digest);
    if (found != by_digest_.end()) Drop(found->second);
  }

  void Drop(std::list<Entry>::iterator entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    bytes_ -= entry->data.size();
    by_digest_.erase(entry->digest);
    entries_.erase(entry);
  }

  const std::unique_ptr<BlobStore> store_;
  const size_t most_;
  absl::Mutex mutex_;
  // The last one that was read comes first.
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<std::string, std::list<Entry>::iterator> by_digest_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::unique_ptr<BlobStore> MakeCachedBlobStore(std::unique_ptr<BlobStore> store, size_t bytes) {
  return std::make_unique<CachedBlobStore>(std::move(store), bytes);
}

}  // namespace stackyard
