#include "common/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

namespace stackyard {
namespace {

int NewFile() { return memfd_create("stackyard", MFD_CLOEXEC); }

bool WriteAll(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    content.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MemoryFile>> MemoryFile::Make() {
  const int fd = NewFile();
  if (fd < 0) return absl::ErrnoToStatus(errno, "the kernel gives no file in memory");
  return std::unique_ptr<MemoryFile>(new MemoryFile(fd));
}

MemoryFile::MemoryFile(int fd) : fd_(fd), path_(absl::StrCat("/proc/self/fd/", fd)) {}

MemoryFile::~MemoryFile() { close(fd_); }

absl::Status MemoryFile::Replace(std::string_view content) {
  const int fresh = NewFile();
  if (fresh < 0) return absl::ErrnoToStatus(errno, "the kernel gives no file in memory");
  const timespec changed{1'000'000'000 + ++changes_, 0};
  const std::array<timespec, 2> times{changed, changed};
  const bool moved = WriteAll(fresh, content) && futimens(fresh, times.data()) == 0 &&
                     dup3(fresh, fd_, O_CLOEXEC) == fd_;
  const int error = errno;
  close(fresh);
  if (moved) return absl::OkStatus();
  return absl::ErrnoToStatus(error, "a file in memory cannot be written");
}

}  // namespace stackyard
