#include "cli/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/context.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::cli {
namespace {

namespace fs = std::filesystem;

bool IsSkippedFolder(const std::string& name) { return name == ".terraform" || name == ".git"; }

// terraform.tfstate, its backups, and what terraform leaves when it cannot save.
bool IsSkippedFile(const std::string& name) { return absl::StrContains(name, ".tfstate"); }

absl::Status Fault(const std::string& description) {
  return InvalidField("directory", description);
}

// Relative paths of the files to pack, sorted.
absl::StatusOr<std::vector<std::string>> FilesIn(const fs::path& root) {
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator at(root, error);
  if (error) return Fault(absl::StrCat("cannot read ", root.string(), ": ", error.message()));
  while (at != fs::recursive_directory_iterator()) {
    const fs::directory_entry& entry = *at;
    const std::string name = entry.path().filename();
    const std::string relative = entry.path().lexically_relative(root).generic_string();
    const fs::file_status status = entry.symlink_status(error);
    if (fs::is_directory(status)) {
      if (IsSkippedFolder(name)) at.disable_recursion_pending();
    } else if (!IsSkippedFile(name)) {
      if (!fs::is_regular_file(status)) {
        return Fault(absl::StrCat(relative, " is no regular file; a bundle holds nothing else"));
      }
      files.push_back(relative);
    }
    at.increment(error);
    if (error) return Fault(absl::StrCat("cannot read ", root.string(), ": ", error.message()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Collects what libarchive writes.
la_ssize_t Append(archive*, void* target, const void* data, size_t size) {
  static_cast<std::string*>(target)->append(static_cast<const char*>(data), size);
  return static_cast<la_ssize_t>(size);
}

struct Free {
  void operator()(archive* a) const { archive_write_free(a); }
  void operator()(archive_entry* e) const { archive_entry_free(e); }
};

absl::Status AddFile(archive* out, const fs::path& root, const std::string& relative) {
  ASSIGN_OR_RETURN(const std::string content, ReadFile("directory", (root / relative).string()));
  struct stat info = {};
  const bool executable = stat((root / relative).c_str(), &info) == 0 && (info.st_mode & S_IXUSR);
  std::unique_ptr<archive_entry, Free> entry(archive_entry_new());
  archive_entry_set_pathname_utf8(entry.get(), relative.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), executable ? 0755 : 0644);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
  archive_entry_set_mtime(entry.get(), 0, 0);
  if (archive_write_header(out, entry.get()) != ARCHIVE_OK ||
      archive_write_data(out, content.data(), content.size()) !=
          static_cast<la_ssize_t>(content.size())) {
    return Fault(absl::StrCat("cannot pack ", relative, ": ", archive_error_string(out)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> PackBundle(const std::string& directory) {
  // A trailing slash would make an empty last part.
  const fs::path root = fs::path(directory).lexically_normal();
  std::error_code error;
  if (!fs::is_directory(root, error)) return Fault(absl::StrCat(directory, " is no folder"));
  if (!fs::is_regular_file(root / "template.yaml", error)) {
    return Fault(absl::StrCat(directory, " holds no template.yaml"));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesIn(root));

  std::string bundle;
  std::unique_ptr<archive, Free> out(archive_write_new());
  archive_write_set_format_pax_restricted(out.get());
  archive_write_add_filter_gzip(out.get());
  // gzip's header would hold the time of packing.
  archive_write_set_filter_option(out.get(), "gzip", "timestamp", nullptr);
  archive_write_set_bytes_in_last_block(out.get(), 1);
  if (archive_write_open(out.get(), &bundle, nullptr, Append, nullptr) != ARCHIVE_OK) {
    return Fault(absl::StrCat("cannot pack: ", archive_error_string(out.get())));
  }
  for (const std::string& file : files) RETURN_IF_ERROR(AddFile(out.get(), root, file));
  if (archive_write_close(out.get()) != ARCHIVE_OK) {
    return Fault(absl::StrCat("cannot pack: ", archive_error_string(out.get())));
  }
  if (bundle.size() > kMaxBundleBytes) {
    return Fault(absl::StrCat(directory, " packs to ", bundle.size(), " bytes; at most ",
                              kMaxBundleBytes, " are taken"));
  }
  return bundle;
}

}  // namespace stackyard::cli
