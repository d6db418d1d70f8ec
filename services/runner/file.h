// Files, small helpers.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace stackyard::runner {

// A file descriptor that closes itself.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { Close(); }

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  void Close();

 private:
  int fd_ = -1;
};

// Whole content of a file of at most `max_bytes`. NOT_FOUND when it is not there.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes = 512 << 20);

// Same for a file that a run can write: what is no regular file itself, a link above all, is
// refused like a file that cannot be read, so that nobody makes the runner read its own secrets.
absl::StatusOr<std::string> ReadFileOfRun(const std::string& path, size_t max_bytes = 512 << 20);

// Writes a file for the owner alone, in place of what was there.
absl::Status WriteFile(const std::string& path, std::string_view content, int mode = 0600);

// Creates a folder for the owner alone, and those above it.
absl::Status MakeFolder(const std::string& path);

// Removes a folder with all that is in it; what cannot be removed is logged.
void RemoveFolder(const std::string& path);

// Makes the runner the owner of a folder with all that is in it, and lets everybody read it. Links
// are not followed.
absl::Status ShareFolder(const std::string& path);

// Moves what is in a folder into another one of the same file system. What is there by such a name
// is replaced, a link itself and not what it leads to; a folder that is not empty is an error.
absl::Status MoveInto(const std::string& from, const std::string& to);

// Copies what is in a folder into another one that exists, except `.terraform` and links.
absl::Status CopyModule(const std::string& from, const std::string& to);

}  // namespace stackyard::runner
