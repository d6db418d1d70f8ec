// Blobs in a bucket.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "common/blob_store.h"
#include "common/s3_bucket.h"

namespace stackyard {

// Every Put writes an object of its own, `ab/cdef….{random}`, that no other Put relies on, so that
// to delete a copy by its name takes nothing from who puts the same bytes at that moment: S3 can
// delete no object on the condition that it is old, and need not. Get finds a copy by a list, which
// S3 promises to be up to date. ListOlder deletes copies that are old and have a younger one beside
// them. Ages are by the clock of S3, which may differ from ours by the quarter of an hour beyond
// which it takes no calls.
//
// A file `ab/cdef…` of a directory store is a copy too: what was in a folder can be copied over.
//
// UNAVAILABLE, with DEPENDENCY_UNAVAILABLE, whenever S3 does not do what it is asked, so that who
// holds the only bytes goes on trying.
std::unique_ptr<BlobStore> MakeS3BlobStore(std::unique_ptr<S3Bucket> bucket,
                                           std::unique_ptr<BlobForm> form = nullptr);

}  // namespace stackyard
