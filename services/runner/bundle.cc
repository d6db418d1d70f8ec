#include "services/runner/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "services/runner/file.h"

namespace stackyard::runner {
namespace fs = std::filesystem;
namespace {

absl::Status Invalid(std::string_view what) { return Error(v1::BUNDLE_INVALID, what); }

absl::Status InvalidMember(const std::string& name, std::string_view what) {
  return Invalid(absl::StrCat("the member ", name.substr(0, 200), " ", std::string(what)));
}

struct CloseArchive {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

// The name without `./` and a last `/`; empty for the root itself.
absl::StatusOr<std::string> CleanName(const char* raw) {
  if (raw == nullptr) return Invalid("a member has no name");
  const std::string name(raw);
  if (name != ValidUtf8(name)) return Invalid("a member's name is not UTF-8");
  if (absl::StartsWith(name, "/")) return InvalidMember(name, "has an absolute name");
  std::vector<std::string> parts;
  for (const auto part : absl::StrSplit(name, '/')) {
    if (part == ".." || absl::StrContains(part, "\\")) {
      return InvalidMember(name, "has a name that may lead outside");
    }
    if (part == ".terraform") return InvalidMember(name, "is not part of a module");
    if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  std::string clean;
  for (const std::string& part : parts) absl::StrAppend(&clean, clean.empty() ? "" : "/", part);
  if (absl::StartsWith(clean, "terraform.tfstate") || clean == "errored.tfstate" ||
      absl::StartsWith(clean, "stackyard.auto.tfvars")) {
    return InvalidMember(name, "is not part of a module");
  }
  return clean;
}

// Answers the bytes written.
absl::StatusOr<size_t> Extract(archive* reader, archive_entry* entry, const std::string& name,
                               const std::string& path) {
  const int mode = (archive_entry_mode(entry) & 0100) != 0 ? 0700 : 0600;
  const Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!fd.ok()) {
    if (errno == EEXIST || errno == ENOTDIR) return InvalidMember(name, "is there twice");
    return absl::InternalError(absl::StrCat("unpacking ", path, ": ", strerror(errno)));
  }
  size_t size = 0;
  char buffer[65536];
  while (true) {
    const la_ssize_t got = archive_read_data(reader, buffer, sizeof(buffer));
    if (got == 0) return size;
    if (got < 0) return InvalidMember(name, "is damaged");
    size += static_cast<size_t>(got);
    if (size > kMaxMember) return InvalidMember(name, "is larger than 16 MiB");
    if (write(fd.get(), buffer, static_cast<size_t>(got)) != got) {
      return absl::InternalError(absl::StrCat("unpacking ", path, ": ", strerror(errno)));
    }
  }
}

}  // namespace

absl::Status UnpackBundle(std::string_view bundle, const std::string& folder) {
  if (bundle.size() > kMaxBundle) return Invalid("the bundle is larger than 8 MiB");
  const std::unique_ptr<archive, CloseArchive> reader(archive_read_new());
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_tar(reader.get());
  if (archive_read_open_memory(reader.get(), bundle.data(), bundle.size()) != ARCHIVE_OK) {
    return Invalid("the bundle is no gzipped or plain tar");
  }
  size_t total = 0;
  int members = 0;
  while (true) {
    archive_entry* entry = nullptr;
    const int read = archive_read_next_header(reader.get(), &entry);
    if (read == ARCHIVE_EOF) break;
    if (read != ARCHIVE_OK) return Invalid("the bundle is no gzipped or plain tar, or is damaged");
    if (++members > kMaxMembers) return Invalid("the bundle has more than 2000 members");
    ASSIGN_OR_RETURN(const std::string name, CleanName(archive_entry_pathname(entry)));
    const auto type = archive_entry_filetype(entry);
    const bool link = archive_entry_hardlink(entry) != nullptr;
    if (link || (type != AE_IFREG && type != AE_IFDIR)) {
      return InvalidMember(name, "is neither a regular file nor a folder");
    }
    if (name.empty()) continue;
    // Nothing that was unpacked is a link, so no name can lead outside.
    const fs::path path = fs::path(folder) / name;
    std::error_code error;
    fs::create_directories(type == AE_IFDIR ? path : path.parent_path(), error);
    if (error) return InvalidMember(name, "is there twice");
    if (type == AE_IFDIR) continue;
    ASSIGN_OR_RETURN(const size_t size, Extract(reader.get(), entry, name, path.string()));
    total += size;
    if (total > kMaxUnpacked) return Invalid("the bundle unpacks to more than 64 MiB");
  }
  if (members == 0) return Invalid("the bundle is empty");
  return absl::OkStatus();
}

}  // namespace stackyard::runner
