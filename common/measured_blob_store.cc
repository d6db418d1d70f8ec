#include "common/measured_blob_store.h"

#include <prometheus/histogram.h>

#include <utility>

#include "absl/time/clock.h"
#include "common/metric_buckets.h"
#include "common/status.h"

namespace stackyard {
namespace {

const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// One kind of request.
class Operation {
 public:
  Operation(prometheus::Registry& registry, const std::string& store, const char* operation)
      : ok_(Of(registry, store, operation, "ok")),
        not_found_(Of(registry, store, operation, "not_found")),
        error_(Of(registry, store, operation, "error")) {}

  template <typename Work>
  auto Time(const Work& work) {
    const absl::Time start = absl::Now();
    auto result = work();
    const absl::Status& status = StatusOf(result);
    prometheus::Histogram& seconds = status.ok()                                  ? ok_
                                     : ReasonOf(status) == v1::RESOURCE_NOT_FOUND ? not_found_
                                                                                  : error_;
    seconds.Observe(absl::ToDoubleSeconds(absl::Now() - start));
    return result;
  }

 private:
  static prometheus::Histogram& Of(prometheus::Registry& registry, const std::string& store,
                                   const char* operation, const char* result) {
    return prometheus::BuildHistogram()
        .Name("stackyard_blob_request_seconds")
        .Help("Time of requests to where blobs are kept")
        .Register(registry)
        .Add({{"store", store}, {"operation", operation}, {"result", result}}, kStorageBuckets);
  }

  prometheus::Histogram& ok_;
  prometheus::Histogram& not_found_;
  prometheus::Histogram& error_;
};

class MeasuredBlobStore final : public BlobStore {
 public:
  MeasuredBlobStore(std::unique_ptr<BlobStore> store, const std::string& name,
                    prometheus::Registry& registry)
      : store_(std::move(store)),
        get_(registry, name, "get"),
        put_(registry, name, "put"),
        delete_(registry, name, "delete"),
        list_(registry, name, "list") {}

  absl::StatusOr<std::string> Put(std::string_view data) override {
    return put_.Time([&] { return store_->Put(data); });
  }
  absl::StatusOr<std::string> Get(std::string_view digest) override {
    return get_.Time([&] { return store_->Get(digest); });
  }
  absl::Status Delete(std::string_view digest) override {
    return delete_.Time([&] { return store_->Delete(digest); });
  }
  absl::StatusOr<std::vector<std::string>> ListOlder(absl::Time time) override {
    return list_.Time([&] { return store_->ListOlder(time); });
  }
  absl::StatusOr<bool> DeleteOlder(std::string_view digest, absl::Time time) override {
    return delete_.Time([&] { return store_->DeleteOlder(digest, time); });
  }

 private:
  const std::unique_ptr<BlobStore> store_;
  Operation get_, put_, delete_, list_;
};

}  // namespace

std::unique_ptr<BlobStore> MakeMeasuredBlobStore(std::unique_ptr<BlobStore> store,
                                                 const std::string& name,
                                                 prometheus::Registry& registry) {
  return std::make_unique<MeasuredBlobStore>(std::move(store), name, registry);
}

}  // namespace stackyard
