// A provider process with what belongs to it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/runner/aws_files.h"
#include "services/runner/containment.h"
#include "services/runner/provider_binary.h"
#include "services/runner/provider_process.h"
#include "services/runner/provider_schema_cache.h"
#include "services/runner/run_credentials.h"
#include "services/runner/workspace.h"

namespace stackyard::runner {

// How a provider is started.
struct SlotStart {
  ProviderBinary binary;
  Environment environment;
  // It is told credentials by files of the AWS SDK, empty until somebody writes them.
  bool aws_files = false;
  // Whether it may reach the network.
  bool network = true;
  // Where it runs; empty: in a folder of its own, which can be lent to a run.
  std::string folder;
  // For one that runs in a run's folder: what confines it, with what it sees. Else it gets a box of
  // its own.
  Box* box = nullptr;
  std::vector<Bind> binds;
};

// What slots are made with.
struct SlotParts {
  ProviderSchemaCache& schemas;
  // nullptr: providers run as the runner does.
  Containment* containment = nullptr;
  // Of a slot's own box, until a run has it.
  Limits limits;
};

// Used by one run at a time, and never by two whose keys differ. The process ends with it; a folder
// that is lent stays with the run. Not thread-safe.
class ProviderSlot {
 public:
  // Returns when the process is ready and its schema known; `folder` becomes the slot's own.
  static absl::StatusOr<std::unique_ptr<ProviderSlot>> Open(SlotStart start,
                                                            std::unique_ptr<RunFolder> folder,
                                                            const SlotParts& parts);
  const SlotStart& start() const { return start_; }
  const ProviderProcess& process() const { return *process_; }
  void ForgetWords() { process_->ForgetWords(); }
  const ProviderSchema& schema() const { return *schema_; }
  // Its own; nullptr: none.
  Box* box() const { return box_.get(); }

  // Folder for copies of tokens.
  std::string tokens() const { return TokensIn(*folder_); }
  static std::string TokensIn(const RunFolder& folder) { return folder.path() + "/identity"; }
  // What the files of the AWS SDK say from now on.
  absl::Status WriteAwsFiles(const AwsFiles& files);

  // Puts the folder that the process runs in at `place`, where an empty folder was, so that both
  // see the same files under relative names. Until TakeFolderBack, which empties it.
  absl::Status LendFolder(const std::string& place);
  absl::Status TakeFolderBack();

  // The run that it belongs to now, or the next one that may have it; empty: it is blank.
  std::string key;
  // When it is ended if nobody wants it.
  absl::Time kept_until = absl::InfiniteFuture();

 private:
  ProviderSlot(SlotStart start, std::unique_ptr<RunFolder> folder)
      : start_(std::move(start)), folder_(std::move(folder)) {}
  std::string AwsFile(const char* name) const;
  absl::Status Begin(const SlotParts& parts);
  absl::Status Confine(const SlotParts& parts, ProviderStart& start);
  absl::Status LearnSchema(ProviderSchemaCache& schemas);

  const SlotStart start_;
  const std::unique_ptr<RunFolder> folder_;
  std::unique_ptr<Box> box_;
  std::unique_ptr<ProviderProcess> process_;
  std::shared_ptr<const ProviderSchema> schema_;
  // Where the folder is while it is lent.
  std::string lent_to_;
};

// Whether a provider is AWS's, which can be told credentials by files.
bool TakesAwsFiles(const ProviderBinary& binary);

}  // namespace stackyard::runner
