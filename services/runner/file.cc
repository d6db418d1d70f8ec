#include "services/runner/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
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

// NOT_FOUND when it is not there.
absl::StatusOr<std::string> ReadAll(const std::string& path, int flags, size_t max_bytes) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | flags));
  if (!fd.ok()) {
    if (errno == ENOENT) return absl::NotFoundError(absl::StrCat(path, " is not there"));
    return Failed("reading", path, strerror(errno));
  }
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return Failed("reading", path, strerror(errno));
  if ((flags & O_NOFOLLOW) != 0 && !S_ISREG(info.st_mode)) {
    return Failed("reading", path, "it is no regular file");
  }
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

}  // namespace

void Fd::Close() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  return ReadAll(path, 0, max_bytes);
}

absl::StatusOr<std::string> ReadFileOfRun(const std::string& path, size_t max_bytes) {
  // Not blocking: a pipe in its place would hold the runner up.
  return ReadAll(path, O_NOFOLLOW | O_NONBLOCK, max_bytes);
}

absl::Status WriteFile(const std::string& path, std::string_view content, int mode) {
  const Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd.ok()) return Failed("writing", path, strerror(errno));
  // Whatever the umask is.
  if (fchmod(fd.get(), static_cast<mode_t>(mode)) != 0) {
    return Failed("writing", path, strerror(errno));
  }
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

absl::Status ShareFolder(const std::string& path) {
  const auto share = [](const std::string& item) {
    struct stat info;
    if (lstat(item.c_str(), &info) != 0) return false;
    if (info.st_uid != getuid() && lchown(item.c_str(), getuid(), getgid()) != 0) return false;
    if (S_ISLNK(info.st_mode)) return true;
    const bool runs = S_ISDIR(info.st_mode) || (info.st_mode & S_IXUSR) != 0;
    return chmod(item.c_str(), runs ? 0755 : 0644) == 0;
  };
  if (!share(path)) return Failed("sharing", path, strerror(errno));
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(path, error)) {
    if (!share(entry.path().string()))
      return Failed("sharing", entry.path().string(), strerror(errno));
  }
  if (error) return Failed("sharing", path, error.message());
  return absl::OkStatus();
}

absl::Status MoveInto(const std::string& from, const std::string& to) {
  std::error_code error;
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(from, error)) {
    names.push_back(entry.path().filename().string());
  }
  if (error) return Failed("reading", from, error.message());
  for (const std::string& name : names) {
    const std::string place = absl::StrCat(to, "/", name);
    if (rename(absl::StrCat(from, "/", name).c_str(), place.c_str()) != 0) {
      return Failed("moving to", place, strerror(errno));
    }
  }
  return absl::OkStatus();
}

absl::Status CopyModule(const std::string& from, const std::string& to) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(from, error)) {
    if (entry.path().filename() == ".terraform") continue;
    fs::copy(entry.path(), fs::path(to) / entry.path().filename(),
             fs::copy_options::recursive | fs::copy_options::skip_symlinks, error);
    if (error) return Failed("copying", entry.path().string(), error.message());
  }
  if (error) return Failed("copying", from, error.message());
  return absl::OkStatus();
}

}  // namespace stackyard::runner
