#include "common/s3_blob_store.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard {
namespace {

constexpr size_t kDigest = 64;
// Reads of a blob before its bytes are called damaged: they may be so on their way.
constexpr int kReads = 3;

// `ab/cdef…`.
std::string PlaceOf(std::string_view digest) {
  return absl::StrCat(std::string(digest.substr(0, 2)), "/", std::string(digest.substr(2)));
}

// The digest of a copy, `ab/cdef…` or `ab/cdef….{random}`; empty when it is none.
std::string DigestOf(std::string_view name) {
  if (name.size() < kDigest + 1 || name[2] != '/') return "";
  if (name.size() > kDigest + 1 && name[kDigest + 1] != '.') return "";
  const std::string digest =
      absl::StrCat(std::string(name.substr(0, 2)), std::string(name.substr(3, kDigest - 2)));
  return IsDigest(digest) ? digest : "";
}

bool IsYounger(const S3Object& left, const S3Object& right) {
  return std::tie(left.time, left.name) > std::tie(right.time, right.name);
}

// S3 cuts times to seconds.
bool IsOlder(const S3Object& copy, absl::Time time) { return copy.time + absl::Seconds(1) <= time; }

absl::Status Unavailable(const absl::Status& why) {
  return Error(v1::DEPENDENCY_UNAVAILABLE,
               absl::StrCat("the object store is not there: ", std::string(why.message())));
}

class S3BlobStore final : public BlobStore {
 public:
  S3BlobStore(std::unique_ptr<S3Bucket> bucket, std::unique_ptr<BlobForm> form)
      : bucket_(std::move(bucket)), form_(std::move(form)) {}

  absl::StatusOr<std::string> Put(std::string_view data) override {
    const std::string digest = Sha256Hex(data);
    const std::string name = absl::StrCat(PlaceOf(digest), ".", RandomId(16));
    const absl::Status status =
        form_ == nullptr ? bucket_->Put(name, data) : bucket_->Put(name, form_->Wrap(data, digest));
    if (!status.ok()) return Unavailable(status);
    return digest;
  }

  absl::StatusOr<std::string> Get(std::string_view digest) override {
    const std::string resource = absl::StrCat("blobs/", std::string(digest));
    if (!IsDigest(digest)) return NotFound(resource);
    absl::Status fault;
    for (int read = 0; read < kReads; ++read) {
      ASSIGN_OR_RETURN(std::vector<S3Object> copies, CopiesOf(digest));
      if (copies.empty()) return NotFound(resource);
      std::sort(copies.begin(), copies.end(), IsYounger);
      for (const S3Object& copy : copies) {
        auto data = Read(copy.name, digest);
        if (data.ok() || ReasonOf(data.status()) != v1::ERROR_REASON_UNSPECIFIED) return data;
        fault = data.status();
      }
    }
    return fault;
  }

  absl::Status Delete(std::string_view digest) override {
    if (!IsDigest(digest)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::vector<S3Object> copies, CopiesOf(digest));
    for (const S3Object& copy : copies) RETURN_IF_ERROR(Remove(copy));
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> ListOlder(absl::Time time) override {
    std::vector<std::string> digests;
    std::vector<S3Object> superseded;
    std::vector<S3Object> copies;
    // Copies of a blob come together: names are in order.
    const auto settle = [&] {
      if (copies.empty()) return;
      const auto youngest = std::min_element(copies.begin(), copies.end(), IsYounger);
      if (IsOlder(*youngest, time)) digests.push_back(DigestOf(youngest->name));
      for (const S3Object& copy : copies) {
        if (copy.name != youngest->name && IsOlder(copy, time)) superseded.push_back(copy);
      }
      copies.clear();
    };
    const absl::Status listed = bucket_->List("", [&](S3Object object) {
      const std::string digest = DigestOf(object.name);
      if (digest.empty()) return;
      if (!copies.empty() && DigestOf(copies.front().name) != digest) settle();
      copies.push_back(std::move(object));
    });
    if (!listed.ok()) return Unavailable(listed);
    settle();
    for (const S3Object& copy : superseded) RETURN_IF_ERROR(Remove(copy));
    return digests;
  }

  absl::StatusOr<bool> DeleteOlder(std::string_view digest, absl::Time time) override {
    if (!IsDigest(digest)) return false;
    ASSIGN_OR_RETURN(const std::vector<S3Object> copies, CopiesOf(digest));
    const bool old = std::all_of(copies.begin(), copies.end(),
                                 [&](const S3Object& copy) { return IsOlder(copy, time); });
    if (copies.empty() || !old) return false;
    for (const S3Object& copy : copies) RETURN_IF_ERROR(Remove(copy));
    return true;
  }

 private:
  absl::StatusOr<std::vector<S3Object>> CopiesOf(std::string_view digest) {
    std::vector<S3Object> copies;
    const absl::Status listed = bucket_->List(PlaceOf(digest), [&](S3Object object) {
      if (DigestOf(object.name) == digest) copies.push_back(std::move(object));
    });
    if (!listed.ok()) return Unavailable(listed);
    return copies;
  }

  // Errors without a reason are about this copy alone, and may pass.
  absl::StatusOr<std::string> Read(const std::string& name, std::string_view digest) {
    absl::StatusOr<std::string> data = bucket_->Get(name);
    if (absl::IsNotFound(data.status())) {
      return absl::InternalError(absl::StrCat(name, " was deleted meanwhile"));
    }
    if (!data.ok()) return Unavailable(data.status());
    if (form_ != nullptr) {
      ASSIGN_OR_RETURN(*data, form_->Unwrap(*std::move(data), digest));
    }
    if (Sha256Hex(*data) != digest) {
      return absl::InternalError(absl::StrCat("the content of ", name, " has changed"));
    }
    return data;
  }

  absl::Status Remove(const S3Object& copy) {
    const absl::Status status = bucket_->Delete(copy.name);
    return status.ok() ? status : Unavailable(status);
  }

  const std::unique_ptr<S3Bucket> bucket_;
  // May be null.
  const std::unique_ptr<BlobForm> form_;
};

}  // namespace

std::unique_ptr<BlobStore> MakeS3BlobStore(std::unique_ptr<S3Bucket> bucket,
                                           std::unique_ptr<BlobForm> form) {
  return std::make_unique<S3BlobStore>(std::move(bucket), std::move(form));
}

}  // namespace stackyard
