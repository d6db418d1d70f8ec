#include "services/runner/provider_binary.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/status_macros.h"

namespace stackyard::runner {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> Names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// The one thing in a folder whose name begins so.
absl::StatusOr<std::string> Only(const fs::path& folder, const std::string& prefix = "") {
  std::vector<std::string> names = Names(folder);
  names.erase(std::remove_if(
                  names.begin(), names.end(),
                  [&prefix](const std::string& name) { return !absl::StartsWith(name, prefix); }),
              names.end());
  if (names.size() == 1) return names.front();
  return absl::InternalError(
      absl::StrCat(folder.string(), " holds ", names.size(), " of what there must be one"));
}

}  // namespace

absl::StatusOr<ProviderBinary> ReadProviderBinary(const std::string& source,
                                                  const std::string& version,
                                                  const std::string& path) {
  std::error_code error;
  const std::string real = fs::canonical(path, error).string();
  struct stat info;
  if (error || stat(real.c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
      access(real.c_str(), X_OK) != 0) {
    return absl::InternalError(absl::StrCat(path, " is no program"));
  }
  ProviderBinary binary{source, version, real, ""};
  binary.identity = Sha256Hex(absl::StrCat(real, "\n", info.st_size, "\n", info.st_mtim.tv_sec,
                                           "\n", info.st_mtim.tv_nsec, "\n", info.st_ino))
                        .substr(0, 32);
  return binary;
}

absl::StatusOr<std::vector<ProviderBinary>> ProvidersOf(const std::string& prepared) {
  std::vector<ProviderBinary> binaries;
  const fs::path root = fs::path(prepared) / ".terraform" / "providers";
  for (const std::string& host : Names(root)) {
    for (const std::string& space : Names(root / host)) {
      for (const std::string& type : Names(root / host / space)) {
        const fs::path provider = root / host / space / type;
        ASSIGN_OR_RETURN(const std::string version, Only(provider));
        ASSIGN_OR_RETURN(const std::string platform, Only(provider / version));
        const fs::path package = provider / version / platform;
        ASSIGN_OR_RETURN(const std::string program, Only(package, "terraform-provider-" + type));
        ASSIGN_OR_RETURN(ProviderBinary binary,
                         ReadProviderBinary(absl::StrCat(host, "/", space, "/", type), version,
                                            (package / program).string()));
        binaries.push_back(std::move(binary));
      }
    }
  }
  return binaries;
}

}  // namespace stackyard::runner
