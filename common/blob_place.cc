#include "common/blob_place.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/s3_blob_store.h"
#include "common/s3_bucket.h"
#include "common/status_macros.h"

namespace stackyard {
namespace {

bool IsS3(std::string_view place) { return place.starts_with("s3://"); }

absl::Status About(const std::string& place, const absl::Status& why) {
  return absl::Status(why.code(), absl::StrCat(place, ": ", std::string(why.message())));
}

absl::StatusOr<std::unique_ptr<BlobStore>> OpenS3(const std::string& place, const Clock& clock,
                                                  std::unique_ptr<BlobForm> form) {
  const Environment environment = ProcessEnvironment();
  ASSIGN_OR_RETURN(const S3Address address, S3Address::Parse(place, environment));
  ASSIGN_OR_RETURN(auto bucket, S3Bucket::Open(address, environment, clock, S3Bucket::Options()));
  const absl::Status found = bucket->Check();
  if (absl::IsUnavailable(found)) {
    LogWarning("the object store is not there yet",
               {{"place", place}, {"error", std::string(found.message())}});
  } else if (!found.ok()) {
    return found;
  }
  return MakeS3BlobStore(std::move(bucket), std::move(form));
}

// The same text for the same place.
absl::StatusOr<std::string> Normal(const std::string& place) {
  if (!IsS3(place)) {
    std::error_code error;
    const auto path = std::filesystem::weakly_canonical(std::filesystem::absolute(place), error);
    return (path / "").lexically_normal().string();
  }
  const auto address = S3Address::Parse(place, ProcessEnvironment());
  if (!address.ok()) return About(place, address.status());
  return absl::StrCat("s3 ", address->endpoint, " ", address->bucket, " ", address->prefix);
}

}  // namespace

absl::StatusOr<std::unique_ptr<BlobStore>> OpenBlobPlace(const std::string& place,
                                                         const Clock& clock,
                                                         std::unique_ptr<BlobForm> form) {
  if (!IsS3(place)) return OpenDirectoryBlobStore(place, std::move(form));
  auto store = OpenS3(place, clock, std::move(form));
  if (!store.ok()) return About(place, store.status());
  return store;
}

absl::StatusOr<bool> IsSamePlace(const std::string& one, const std::string& other) {
  ASSIGN_OR_RETURN(const std::string left, Normal(one));
  ASSIGN_OR_RETURN(const std::string right, Normal(other));
  return left == right;
}

}  // namespace stackyard
