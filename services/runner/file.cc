#include "services/runner/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/log.h"

namespace stackyard::runner {
namespace fs = std::filesystem;
namespace {

absl::Status Failed(std::string_view what, std::string_view path, std::string_view why) {
  return absl::InternalError(
      absl::StrCat(std::string(what), " ", std::string(path), ": ", std::string(why)));
}

}  // namespace

void Fd::Close() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) {
    if (errno == ENOENT) return absl::NotFoundError(absl::StrCat(path, " is not there"));
    return Failed("reading", path, strerror(errno));
  }
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return Failed("reading", path, strerror(errno));
  std::string content;
  content.reserve(static_cast<size_t>(info.st_size) + 1);
  char buffer[65536];
  while (true) {
    const ssize_t got = read(fd.get(), buffer, sizeof(buffer));
    if (got == 0) return content;
    if (got < 0) {
      if (errno == EINTR) continue;
      return Failed("reading", path, strerror(errno));
    }
    content.append(buffer, static_cast<size_t>(got));
    if (content.size() > max_bytes) return Failed("reading", path, "it is too large");
  }
}

absl::Status WriteFile(const std::string& path, std::string_view content, int mode) {
  const Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd.ok()) return Failed("writing", path, strerror(errno));
  while (!content.empty()) {
    const ssize_t put = write(fd.get(), content.data(), content.size());
    if (put < 0) {
      if (errno == EINTR) continue;
      return Failed("writing", path, strerror(errno));
    }
    content.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  const fs::path folder(path);
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), error);
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Failed("making the folder", path, strerror(errno));
  }
  if (!fs::is_directory(folder, error)) return Failed("making the folder", path, "a file is there");
  return absl::OkStatus();
}

void RemoveFolder(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) LogWarning("cannot remove a folder", {{"path", path}, {"error", error.message()}});
}

absl::Status CopyModule(const std::string& from, const std::string& to) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(from, error)) {
    if (entry.path().filename() == ".terraform") continue;
    fs::copy(entry.path(), fs::path(to) / entry.path().filename(), fs::copy_options::recursive,
             error);
    if (error) return Failed("copying", entry.path().string(), error.message());
  }
  if (error) return Failed("copying", from, error.message());
  return absl::OkStatus();
}

}  // namespace stackyard::runner
