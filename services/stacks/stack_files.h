// Files that stacks offer: outputs under the names that the template gives them.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/blob_store.h"
#include "google/api/httpbody.pb.h"
#include "services/stacks/change.h"
#include "services/stacks/stack_store.h"
#include "stackyard/v1/catalog.pb.h"
#include "stackyard/v1/stacks.pb.h"

namespace stackyard::stacks {

// Sets the names of the files whose outputs the stack has.
void ShowFiles(const v1::TemplateVersion& version, v1::Stack& stack);

// What a browser is to take a file for, by its name. Never what it would run.
std::string ContentTypeOf(std::string_view filename);

class StackFiles {
 public:
  StackFiles(Store& store, BlobStore& blobs) : store_(store), blobs_(blobs) {}

  // A string is the file as it is, anything else is written as JSON.
  absl::StatusOr<google::api::HttpBody> Download(const Principal& caller,
                                                 const v1::DownloadFileRequest& request);

 private:
  Store& store_;
  BlobStore& blobs_;
};

}  // namespace stackyard::stacks
