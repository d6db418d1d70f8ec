// Blobs with those that were read or written last in memory.
#pragma once

#include <cstddef>
#include <memory>

#include "common/blob_store.h"

namespace stackyard {

// Keeps up to `bytes` of what Get answered and Put took last. What a digest stands for never
// changes, so nothing that is kept grows stale; what was deleted may still be read for a while.
std::unique_ptr<BlobStore> MakeCachedBlobStore(std::unique_ptr<BlobStore> store, size_t bytes);

}  // namespace stackyard
