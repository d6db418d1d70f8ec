// Blobs with the time that each request takes.
#pragma once

#include <prometheus/registry.h>

#include <memory>
#include <string>

#include "common/blob_store.h"

namespace stackyard {

// Times what is asked of `store`, which metrics call `name`. The registry must outlive it.
std::unique_ptr<BlobStore> MakeMeasuredBlobStore(std::unique_ptr<BlobStore> store,
                                                 const std::string& name,
                                                 prometheus::Registry& registry);

}  // namespace stackyard
