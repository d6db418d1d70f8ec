// Files that are replaced as a whole, and locks between processes of one user.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace stackyard::cli {

// Replaces a file: readers see the old text or the new one, also after a crash. A symbolic link
// stays one; what it leads to is replaced. INVALID_FIELD on `field` when it cannot be written.
absl::Status ReplaceFile(const std::string& field, const std::string& path, const std::string& data,
                         int mode);

// Makes a folder, readable for its owner alone, and those above it. INVALID_FIELD on `field`.
absl::Status MakePrivateFolder(const std::string& field, const std::string& path);

// Holds the lock file at `path` while it lives; other processes wait.
class FileLock {
 public:
  // INVALID_FIELD on `field` when the lock file cannot be opened.
  static absl::StatusOr<FileLock> Take(const std::string& field, const std::string& path);
  FileLock(FileLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace stackyard::cli
