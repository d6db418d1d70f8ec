#include "services/runner/token_copies.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::runner {
namespace {

constexpr absl::Duration kInterval = absl::Seconds(30);
constexpr size_t kMaxToken = 64 << 10;

absl::Status Failed(const TokenCopy& token) {
  return absl::InternalError(absl::StrCat("making ", token.to, ": ", strerror(errno)));
}

}  // namespace

absl::Status TokenCopies::Copy(const Place& place) {
  const TokenCopy& token = place.token;
  ASSIGN_OR_RETURN(const std::string content, ReadFile(token.from, kMaxToken));
  struct stat folder = {};
  if (fstat(place.folder.get(), &folder) != 0) return Failed(token);
  const std::string fresh = place.name + ".new";
  unlinkat(place.folder.get(), fresh.c_str(), 0);
  const Fd file(openat(place.folder.get(), fresh.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400));
  if (!file.ok()) return Failed(token);
  if (write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) {
    return Failed(token);
  }
  const bool others = folder.st_uid != geteuid() || folder.st_gid != getegid();
  if (others && fchown(file.get(), folder.st_uid, folder.st_gid) != 0) return Failed(token);
  if (renameat(place.folder.get(), fresh.c_str(), place.folder.get(), place.name.c_str()) != 0) {
    return Failed(token);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<TokenCopies>> TokenCopies::Start(std::vector<TokenCopy> tokens) {
  std::vector<Place> places;
  for (TokenCopy& token : tokens) {
    const std::filesystem::path path(token.to);
    Fd folder(open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder.ok()) return Failed(token);
    places.push_back({std::move(token), std::move(folder), path.filename().string()});
    const absl::Status made = Copy(places.back());
    if (made.ok()) continue;
    return Error(v1::RUN_FAILED,
                 absl::StrCat("the runner's own token: ", std::string(made.message())));
  }
  std::unique_ptr<TokenCopies> copies(new TokenCopies(std::move(places)));
  if (!copies->places_.empty()) {
    // They are fresh now.
    copies->loop_ = std::make_unique<Loop>("tokens", [raw = copies.get(), first = true]() mutable {
      if (!std::exchange(first, false)) raw->Refresh();
      return kInterval;
    });
  }
  return copies;
}

void TokenCopies::Refresh() {
  absl::MutexLock lock(&refreshing_);
  for (const Place& place : places_) {
    const absl::Status made = Copy(place);
    if (!made.ok()) {
      LogError("a run's token grows old", {{"error", std::string(made.message())}});
    }
  }
}

}  // namespace stackyard::runner
