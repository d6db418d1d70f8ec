// Blobs that only who has the key can read.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/blob_store.h"
#include "common/sealer.h"

namespace stackyard {

// Compresses each blob and seals it for its digest, the SHA-256 of its plain content. What was
// written down before it was sealed is still read. Get answers as Sealer::Open does when a blob is
// damaged or its key is missing.
std::unique_ptr<BlobForm> SealedForm(const Sealer& sealer);

// A folder of such blobs.
absl::StatusOr<std::unique_ptr<BlobStore>> OpenSealedBlobStore(std::string_view root,
                                                               const Sealer& sealer);

}  // namespace stackyard
