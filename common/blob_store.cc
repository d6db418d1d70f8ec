#include "common/blob_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard {
namespace {

namespace fs = std::filesystem;

absl::Status SystemError(std::string_view what, const fs::path& path) {
  return absl::InternalError(
      absl::StrCat(std::string(what), " ", path.string(), ": ", std::strerror(errno)));
}

// Closes a file descriptor.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  const int fd_;
};

absl::Status SyncFolder(const fs::path& folder) {
  const File file(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.ok() || fsync(file.fd()) != 0) return SystemError("cannot sync", folder);
  return absl::OkStatus();
}

absl::Status WriteDurably(const fs::path& path, std::string_view data) {
  const File file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.ok()) return SystemError("cannot create", path);
  while (!data.empty()) {
    const ssize_t written = write(file.fd(), data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError("cannot write", path);
    data.remove_prefix(written);
  }
  if (fsync(file.fd()) != 0) return SystemError("cannot sync", path);
  return absl::OkStatus();
}

bool IsDigest(std::string_view digest) {
  if (digest.size() != 64) return false;
  for (const char c : digest) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

class DirectoryBlobStore final : public BlobStore {
 public:
  explicit DirectoryBlobStore(fs::path root) : root_(std::move(root)) {}

  absl::StatusOr<std::string> Put(std::string_view data) override {
    const std::string digest = Sha256Hex(data);
    const fs::path path = PathOf(digest);
    std::error_code error;
    if (fs::exists(path, error)) return digest;
    fs::create_directories(path.parent_path(), error);
    const fs::path draft = root_ / "drafts" / RandomId(20);
    absl::Status status = WriteDurably(draft, data);
    if (status.ok() && rename(draft.c_str(), path.c_str()) != 0) {
      status = SystemError("cannot rename", draft);
    }
    if (!status.ok()) {
      fs::remove(draft, error);
      return status;
    }
    RETURN_IF_ERROR(SyncFolder(path.parent_path()));
    return digest;
  }

  absl::StatusOr<std::string> Get(std::string_view digest) override {
    if (!IsDigest(digest)) return NotFound(absl::StrCat("blobs/", std::string(digest)));
    const fs::path path = PathOf(digest);
    const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.ok()) {
      if (errno == ENOENT) return NotFound(absl::StrCat("blobs/", std::string(digest)));
      return SystemError("cannot open", path);
    }
    std::string data;
    char buffer[1 << 16];
    for (;;) {
      const ssize_t count = read(file.fd(), buffer, sizeof buffer);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return SystemError("cannot read", path);
      if (count == 0) break;
      data.append(buffer, count);
    }
    if (Sha256Hex(data) != digest) {
      return absl::InternalError(absl::StrCat("the content of ", path.string(), " has changed"));
    }
    return data;
  }

  absl::Status Delete(std::string_view digest) override {
    if (!IsDigest(digest)) return absl::OkStatus();
    std::error_code error;
    fs::remove(PathOf(digest), error);
    if (error) return absl::InternalError(absl::StrCat("cannot delete a blob: ", error.message()));
    return absl::OkStatus();
  }

 private:
  fs::path PathOf(std::string_view digest) const {
    return root_ / std::string(digest.substr(0, 2)) / std::string(digest.substr(2));
  }

  const fs::path root_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BlobStore>> OpenDirectoryBlobStore(std::string_view root) {
  const fs::path path(root);
  std::error_code error;
  fs::create_directories(path / "drafts", error);
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot make the folder ", path.string(), ": ", error.message()));
  }
  // What a crash left half written has no digest yet and nobody knows of it. Young ones may be
  // another process's work.
  const auto old = fs::file_time_type::clock::now() - std::chrono::hours(1);
  for (const auto& draft : fs::directory_iterator(path / "drafts", error)) {
    if (draft.last_write_time(error) < old) fs::remove(draft.path(), error);
  }
  return std::make_unique<DirectoryBlobStore>(path);
}

}  // namespace stackyard
