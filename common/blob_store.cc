#include "common/blob_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

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

// Ends the names of blobs that are about to be deleted, in the folder of drafts.
constexpr char kAside[] = ".aside";

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

// Makes a file young. False when it is not there.
bool Touch(const fs::path& path) { return utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0; }

// When a file was made or touched; nothing when it is not there.
std::optional<absl::Time> AgeOf(const fs::path& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return std::nullopt;
  return absl::TimeFromTimespec(info.st_mtim);
}

class DirectoryBlobStore final : public BlobStore {
 public:
  DirectoryBlobStore(fs::path root, std::unique_ptr<BlobForm> form)
      : root_(std::move(root)), form_(std::move(form)) {}

  absl::StatusOr<std::string> Put(std::string_view data) override {
    const std::string digest = Sha256Hex(data);
    const fs::path path = PathOf(digest);
    std::error_code error;
    if (Touch(path)) return digest;
    fs::create_directories(path.parent_path(), error);
    const fs::path draft = NewDraft();
    absl::Status status = form_ == nullptr ? WriteDurably(draft, data)
                                           : WriteDurably(draft, form_->Wrap(data, digest));
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
    if (form_ != nullptr) {
      ASSIGN_OR_RETURN(data, form_->Unwrap(std::move(data), digest));
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

  absl::StatusOr<std::vector<std::string>> ListOlder(absl::Time time) override {
    std::vector<std::string> digests;
    std::error_code error;
    for (const auto& folder : fs::directory_iterator(root_, error)) {
      std::error_code inner;
      for (const auto& file : fs::directory_iterator(folder.path(), inner)) {
        const std::string digest =
            folder.path().filename().string() + file.path().filename().string();
        const auto age = IsDigest(digest) ? AgeOf(file.path()) : std::nullopt;
        if (age && *age < time) digests.push_back(digest);
      }
    }
    if (error) return absl::InternalError(absl::StrCat("cannot list blobs: ", error.message()));
    return digests;
  }

  absl::StatusOr<bool> DeleteOlder(std::string_view digest, absl::Time time) override {
    if (!IsDigest(digest)) return false;
    const fs::path path = PathOf(digest);
    const auto age = AgeOf(path);
    if (!age || *age >= time) return false;
    // Out of the way first: who puts it from now on writes it anew, and who touched it before that
    // gets it back.
    const fs::path aside = root_ / "drafts" / absl::StrCat(std::string(digest), kAside);
    if (rename(path.c_str(), aside.c_str()) != 0) {
      if (errno == ENOENT) return false;
      return SystemError("cannot rename", path);
    }
    const auto last = AgeOf(aside);
    const bool young = last && *last >= time;
    if (young && rename(aside.c_str(), path.c_str()) != 0) {
      return SystemError("cannot rename", aside);
    }
    std::error_code error;
    if (!young) fs::remove(aside, error);
    return !young;
  }

 private:
  fs::path NewDraft() const { return root_ / "drafts" / RandomId(20); }
  fs::path PathOf(std::string_view digest) const {
    return root_ / std::string(digest.substr(0, 2)) / std::string(digest.substr(2));
  }

  const fs::path root_;
  // May be null.
  const std::unique_ptr<BlobForm> form_;
};

// What a crash left half deleted may be wanted: it goes back to its place.
void PutBack(const fs::path& root, const fs::path& aside) {
  const std::string digest = aside.stem().string();
  const fs::path place = root / digest.substr(0, 2) / digest.substr(2);
  std::error_code error;
  if (!fs::exists(place, error)) fs::rename(aside, place, error);
}

}  // namespace

bool IsDigest(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

absl::StatusOr<std::unique_ptr<BlobStore>> OpenDirectoryBlobStore(std::string_view root,
                                                                  std::unique_ptr<BlobForm> form) {
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
    const bool aside = draft.path().extension() == kAside && IsDigest(draft.path().stem().string());
    if (aside) PutBack(path, draft.path());
    if (draft.last_write_time(error) < old) fs::remove(draft.path(), error);
  }
  return std::make_unique<DirectoryBlobStore>(path, std::move(form));
}

}  // namespace stackyard
