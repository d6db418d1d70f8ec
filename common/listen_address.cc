#include "common/listen_address.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace stackyard {

bool IsLoopbackAddress(const std::string& address) {
  const std::string host = address.substr(0, address.rfind(':'));
  // `127.example.org` is a name of anybody's.
  const bool in_127 =
      absl::StartsWith(host, "127.") && host.find_first_not_of("0123456789.") == std::string::npos;
  return in_127 || host == "localhost" || host == "ip6-localhost" || host == "[::1]";
}

absl::Status PrepareSocketFolder(const std::string& socket) {
  const std::string parent = std::filesystem::path(socket).parent_path().string();
  const std::string folder = parent.empty() ? "." : parent;
  struct stat found {};
  if (stat(folder.c_str(), &found) != 0 &&
      (mkdir(folder.c_str(), 0700) != 0 || stat(folder.c_str(), &found) != 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--listen: the folder ", folder, " is not there and cannot be made"));
  }
  const bool foreign = found.st_uid != geteuid() && found.st_uid != 0;
  // In a sticky folder nobody takes away what is another's.
  const bool open = (found.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (found.st_mode & S_ISVTX) == 0;
  if (!foreign && !open) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--listen: others may write to ", folder,
      " and put a socket of theirs in the place of this one: make it `chmod 0700`, and this "
      "service's own"));
}

}  // namespace stackyard
