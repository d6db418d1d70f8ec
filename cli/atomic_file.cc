#include "cli/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::cli {
namespace {

absl::Status Fault(const std::string& field, const std::string& path) {
  return InvalidField(field, absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
}

// To the disk, before the name leads to it.
absl::Status WriteAll(const std::string& field, const std::string& path, int fd,
                      const std::string& data, int mode) {
  if (fchmod(fd, mode) != 0) return Fault(field, path);
  for (size_t done = 0; done < data.size();) {
    const ssize_t n = write(fd, data.data() + done, data.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fault(field, path);
    done += n;
  }
  return fsync(fd) == 0 ? absl::OkStatus() : Fault(field, path);
}

}  // namespace

absl::Status ReplaceFile(const std::string& field, const std::string& path, const std::string& data,
                         int mode) {
  std::error_code error;
  std::filesystem::path target = path;
  if (std::filesystem::is_symlink(target, error)) {
    target = std::filesystem::weakly_canonical(target, error);
    if (error) return InvalidField(field, absl::StrCat("cannot follow the link ", path));
  }
  const std::filesystem::path folder =
      target.has_parent_path() ? target.parent_path() : std::filesystem::path(".");
  std::string temporary =
      (folder / absl::StrCat(".", target.filename().string(), ".XXXXXX")).string();
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return Fault(field, path);
  absl::Status status = WriteAll(field, path, fd, data, mode);
  if (close(fd) != 0 && status.ok()) status = Fault(field, path);
  if (status.ok() && rename(temporary.c_str(), target.c_str()) != 0) status = Fault(field, path);
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  // The new name survives a power cut as well; where a folder cannot be synced nothing is lost.
  const int above = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (above >= 0) {
    (void)fsync(above);
    close(above);
  }
  return absl::OkStatus();
}

absl::Status MakePrivateFolder(const std::string& field, const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return absl::OkStatus();
  const std::filesystem::path above = std::filesystem::path(path).parent_path();
  if (!above.empty() && above != path) std::filesystem::create_directories(above, error);
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return Fault(field, path);
}

absl::StatusOr<FileLock> FileLock::Take(const std::string& field, const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Fault(field, path);
  int taken;
  do {
    taken = flock(fd, LOCK_EX);
  } while (taken != 0 && errno == EINTR);
  if (taken != 0) {
    close(fd);
    return Fault(field, path);
  }
  return FileLock(fd);
}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace stackyard::cli
