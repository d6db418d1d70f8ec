// Where blobs are kept, as an operator says it.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/blob_store.h"
#include "common/clock.h"

namespace stackyard {

// Opens the blobs in a folder, or in `s3://BUCKET/PREFIX?…` as S3Address reads it, with the
// credentials that the environment names. A place in S3 that refuses us is an error; one that does
// not answer is taken as it is, with a line in the log. The clock must outlive the store. Errors
// name the place and what is wrong with it.
absl::StatusOr<std::unique_ptr<BlobStore>> OpenBlobPlace(const std::string& place,
                                                         const Clock& clock,
                                                         std::unique_ptr<BlobForm> form = nullptr);

// Whether two places are the same: then one's sweep would take the other's blobs. Errors as above.
absl::StatusOr<bool> IsSamePlace(const std::string& one, const std::string& other);

}  // namespace stackyard
