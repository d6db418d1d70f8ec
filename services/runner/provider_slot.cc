#include "services/runner/provider_slot.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "services/runner/file.h"
#include "services/runner/plugin_client.h"

namespace stackyard::runner {
namespace fs = std::filesystem;
namespace {

// A machine that is busy beyond all reason; usually it is a quarter of a second.
constexpr absl::Duration kPatience = absl::Seconds(30);
constexpr char kConfig[] = "config";
constexpr char kCredentials[] = "credentials";

absl::Status Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("moving ", from, " to ", to, ": ", strerror(errno)));
}

absl::Status Empty(const std::string& folder) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    fs::remove_all(entry.path(), error);
    if (error) break;
  }
  if (!error) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("emptying ", folder, ": ", error.message()));
}

}  // namespace

bool TakesAwsFiles(const ProviderBinary& binary) {
  return IsSameProvider(binary.source, "hashicorp/aws");
}

absl::StatusOr<std::unique_ptr<ProviderSlot>> ProviderSlot::Open(SlotStart start,
                                                                 std::unique_ptr<RunFolder> folder,
                                                                 ProviderSchemaCache& schemas,
                                                                 const ConfineProvider& confine) {
  std::unique_ptr<ProviderSlot> slot(new ProviderSlot(std::move(start), std::move(folder)));
  RETURN_IF_ERROR(slot->Begin(schemas, confine));
  return slot;
}

std::string ProviderSlot::AwsFile(const char* name) const {
  return absl::StrCat(folder_->path(), "/aws/", name);
}

absl::Status ProviderSlot::Begin(ProviderSchemaCache& schemas, const ConfineProvider& confine) {
  ProviderStart start;
  start.program = start_.binary.path;
  start.environment = start_.environment;
  start.folder = start_.folder.empty() ? folder_->module() : start_.folder;
  start.tmp = folder_->tmp();
  if (start_.aws_files) {
    RETURN_IF_ERROR(MakeFolder(folder_->path() + "/aws"));
    RETURN_IF_ERROR(WriteAwsFiles({}));
    start.environment["AWS_CONFIG_FILE"] = AwsFile(kConfig);
    start.environment["AWS_SHARED_CREDENTIALS_FILE"] = AwsFile(kCredentials);
  }
  RETURN_IF_ERROR(MakeFolder(tokens()));
  if (confine) {
    ASSIGN_OR_RETURN(start.confinement, confine({start_, *folder_, start.folder}));
  }
  ASSIGN_OR_RETURN(process_, ProviderProcess::Start(start, kPatience));
  return LearnSchema(schemas);
}

absl::Status ProviderSlot::LearnSchema(ProviderSchemaCache& schemas) {
  schema_ = schemas.Find(start_.binary);
  if (schema_ != nullptr) {
    ASSIGN_OR_RETURN(const bool must_ask, MustAskSchemas(schema_->schemas));
    if (must_ask) RETURN_IF_ERROR(AskSchema(*process_, kPatience).status());
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(ProviderSchema asked, AskSchema(*process_, kPatience));
  const absl::Status kept = schemas.Keep(start_.binary, std::move(asked));
  if (!kept.ok()) {
    LogWarning("the schema of a provider was not kept",
               {{"provider", start_.binary.source}, {"error", std::string(kept.message())}});
  }
  schema_ = schemas.Find(start_.binary);
  return absl::OkStatus();
}

absl::Status ProviderSlot::WriteAwsFiles(const AwsFiles& files) {
  RETURN_IF_ERROR(WriteFile(AwsFile(kConfig), files.config));
  return WriteFile(AwsFile(kCredentials), files.credentials);
}

absl::Status ProviderSlot::LendFolder(const std::string& place) {
  // Takes the place of an empty folder.
  RETURN_IF_ERROR(Rename(folder_->module(), place));
  lent_to_ = place;
  return absl::OkStatus();
}

absl::Status ProviderSlot::TakeFolderBack() {
  if (lent_to_.empty()) return absl::OkStatus();
  const std::string place = std::exchange(lent_to_, "");
  RETURN_IF_ERROR(Rename(place, folder_->module()));
  return Empty(folder_->module());
}

}  // namespace stackyard::runner
