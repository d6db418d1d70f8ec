#include "services/runner/provider_slot.h"

#include <sys/stat.h>
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
                                                                 const SlotParts& parts) {
  std::unique_ptr<ProviderSlot> slot(new ProviderSlot(std::move(start), std::move(folder)));
  RETURN_IF_ERROR(slot->Begin(parts));
  return slot;
}

std::string ProviderSlot::AwsFile(const char* name) const {
  return absl::StrCat(folder_->path(), "/aws/", name);
}

absl::Status ProviderSlot::Begin(const SlotParts& parts) {
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
  RETURN_IF_ERROR(Confine(parts, start));
  ASSIGN_OR_RETURN(process_, ProviderProcess::Start(start, kPatience));
  return LearnSchema(parts.schemas);
}

absl::Status ProviderSlot::Confine(const SlotParts& parts, ProviderStart& start) {
  if (start_.box == nullptr && parts.containment != nullptr) {
    ASSIGN_OR_RETURN(box_, parts.containment->MakeBox(parts.limits));
  }
  const Box* box = start_.box == nullptr ? box_.get() : start_.box;
  if (box == nullptr) return absl::OkStatus();
  // Its user passes through the slot's folder, and can put nothing in place of what is in there.
  for (const std::string& path : {folder_->path(), folder_->path() + "/aws"}) {
    if (chmod(path.c_str(), 0711) != 0 && errno != ENOENT) {
      return absl::InternalError(absl::StrCat("opening ", path, ": ", strerror(errno)));
    }
  }
  for (const std::string& path : {folder_->module(), folder_->tmp(), tokens()}) {
    RETURN_IF_ERROR(box->Own(path));
  }
  if (start_.aws_files) {
    RETURN_IF_ERROR(box->Own(AwsFile(kConfig)));
    RETURN_IF_ERROR(box->Own(AwsFile(kCredentials)));
  }
  std::vector<Bind> binds = {{start_.binary.path},
                             {folder_->path()},
                             {folder_->module(), /*writable=*/true},
                             {folder_->tmp(), /*writable=*/true}};
  binds.insert(binds.end(), start_.binds.begin(), start_.binds.end());
  start.confine = [box, binds, network = start_.network](Command command) {
    return box->Confine(std::move(command), binds, network);
  };
  return absl::OkStatus();
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
