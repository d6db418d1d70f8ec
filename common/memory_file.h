// A file that lies on no disk, for libraries that take nothing but paths.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace stackyard {

class MemoryFile {
 public:
  // UNAVAILABLE when the kernel gives none.
  static absl::StatusOr<std::unique_ptr<MemoryFile>> Make();
  ~MemoryFile();

  // What this process opens it by.
  const std::string& path() const { return path_; }
  // All of the content at once: who opens the path finds the old or the new, and never the same
  // time of change for both. Not thread-safe.
  absl::Status Replace(std::string_view content);

 private:
  explicit MemoryFile(int fd);

  const int fd_;
  const std::string path_;
  int64_t changes_ = 0;
};

}  // namespace stackyard
