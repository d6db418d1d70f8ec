#include "services/stacks/bundle.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/status.h"
#include "common/utf8.h"

namespace stackyard::stacks {
namespace {

constexpr size_t kMaxReadmeBytes = 64 << 10;
constexpr size_t kMaxSpecBytes = 1 << 20;
// More faults than this tell nobody more.
constexpr int kMaxFaults = 20;

struct ArchiveCloser {
  void operator()(archive* a) const { archive_read_free(a); }
};
using Archive = std::unique_ptr<archive, ArchiveCloser>;

// Why a member must not be there; empty: it may.
std::string FaultOf(const std::string& path, archive_entry* entry) {
  if (path.empty()) return "has no name";
  if (path[0] == '/') return "is an absolute path";
  if (path.size() > 512) return "has a name of over 512 characters";
  for (const auto& part : absl::StrSplit(path, '/')) {
    if (part == "..") return "leaves the bundle with `..`";
    if (part == ".terraform") return "must not be in a bundle";
    // Else one file could be there under two names.
    if (part.empty() || part == ".") return "has an empty or `.` part in its name";
  }
  for (const unsigned char c : path) {
    if (c < 0x20 || c == '\\') return "has a control character or backslash in its name";
  }
  if (archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr) {
    return "is a link";
  }
  const auto type = archive_entry_filetype(entry);
  if (type != AE_IFREG && type != AE_IFDIR) return "is neither a file nor a folder";
  if (absl::EndsWith(path, ".tfstate") || absl::EndsWith(path, ".tfstate.backup")) {
    return "is a Terraform state, which has secrets";
  }
  return "";
}

// Text as messages hold it, without a character that was cut at the end.
std::string WholeCharacters(std::string text) {
  size_t end = text.size();
  while (end > 0 && end + 4 > text.size() && (text[end - 1] & 0xc0) == 0x80) --end;
  if (end > 0 && (text[end - 1] & 0xc0) == 0xc0) {
    const size_t last = end - 1;
    if (ValidUtf8(text.substr(last)) != text.substr(last)) text.resize(last);
  }
  return ValidUtf8(text);
}

class Reader {
 public:
  explicit Reader(std::string_view bundle) : archive_(archive_read_new()) {
    archive_read_support_format_tar(archive_.get());
    archive_read_support_filter_gzip(archive_.get());
    open_ = archive_read_open_memory(archive_.get(), bundle.data(), bundle.size()) == ARCHIVE_OK;
  }

  absl::StatusOr<BundleContent> Read() {
    if (!open_) return Damaged();
    for (;;) {
      archive_entry* entry = nullptr;
      const int result = archive_read_next_header(archive_.get(), &entry);
      if (result == ARCHIVE_EOF) break;
      if (result != ARCHIVE_OK) return Damaged();
      if (++members_ > kMaxMembers) {
        faults_.Add("bundle", absl::StrCat("has over ", kMaxMembers, " members"));
        return faults_.ToStatus(v1::BUNDLE_INVALID);
      }
      if (!Take(entry)) return faults_.ToStatus(v1::BUNDLE_INVALID);
    }
    if (!has_spec_) faults_.Add("bundle", "has no template.yaml at its root");
    if (!has_module_) faults_.Add("bundle", "has no .tf file at its root");
    if (!faults_.empty()) return faults_.ToStatus(v1::BUNDLE_INVALID);
    return content_;
  }

 private:
  absl::Status Damaged() {
    const char* error = archive_error_string(archive_.get());
    faults_.Add("bundle", absl::StrCat("is no readable tar or tar.gz", error == nullptr ? "" : ": ",
                                       error == nullptr ? "" : error));
    return faults_.ToStatus(v1::BUNDLE_INVALID);
  }

  // False when reading on makes no sense.
  bool Take(archive_entry* entry) {
    const char* raw = archive_entry_pathname(entry);
    std::string path(absl::StripPrefix(raw == nullptr ? "" : raw, "./"));
    const bool folder = archive_entry_filetype(entry) == AE_IFDIR;
    while (folder && !path.empty() && path.back() == '/') path.pop_back();
    if (folder && (path.empty() || path == ".")) return true;
    const std::string fault = FaultOf(path, entry);
    if (!fault.empty()) return AddFault(path, fault) && MaySkip(entry);
    if (!seen_.insert(path).second && !folder) {
      return AddFault(path, "is there twice") && MaySkip(entry);
    }
    if (folder) return true;
    if (archive_entry_size(entry) > static_cast<int64_t>(kMaxMemberBytes)) {
      AddFault(path, absl::StrCat("is larger than ", kMaxMemberBytes >> 20, " MiB"));
      return false;
    }
    return ReadContent(path);
  }

  // Whether a member's content may be skipped: it is unpacked all the same.
  bool MaySkip(archive_entry* entry) {
    const int64_t size = archive_entry_size(entry);
    if (size > static_cast<int64_t>(kMaxMemberBytes)) return false;
    unpacked_ += size;
    return unpacked_ <= kMaxUnpackedBytes;
  }

  bool ReadContent(const std::string& path) {
    const bool spec = path == "template.yaml";
    const bool readme = path == "README.md";
    has_spec_ |= spec;
    has_module_ |= path.find('/') == std::string::npos &&
                   (absl::EndsWith(path, ".tf") || absl::EndsWith(path, ".tf.json"));
    std::string* keep = spec ? &content_.template_yaml : readme ? &content_.readme : nullptr;
    const size_t most = spec ? kMaxSpecBytes : kMaxReadmeBytes;
    size_t member = 0;
    // The header's size may lie: what counts is what comes out.
    for (;;) {
      char buffer[1 << 14];
      const la_ssize_t count = archive_read_data(archive_.get(), buffer, sizeof buffer);
      if (count == 0) break;
      if (count < 0) {
        AddFault(path, "is damaged");
        return false;
      }
      member += count;
      unpacked_ += count;
      if (member > kMaxMemberBytes || unpacked_ > kMaxUnpackedBytes) {
        AddFault(path,
                 absl::StrCat("makes it larger than ", kMaxUnpackedBytes >> 20, " MiB unpacked"));
        return false;
      }
      if (spec && member > most) {
        return AddFault(path, absl::StrCat("is larger than ", most >> 20, " MiB"));
      }
      if (keep != nullptr && keep->size() < most) {
        keep->append(buffer, std::min<size_t>(count, most - keep->size()));
      }
    }
    if (readme) content_.readme = WholeCharacters(content_.readme);
    if (spec && ValidUtf8(content_.template_yaml) != content_.template_yaml) {
      return AddFault(path, "is no UTF-8");
    }
    return true;
  }

  bool AddFault(const std::string& path, std::string_view fault) {
    faults_.Add("bundle", absl::StrCat(ValidUtf8(path), " ", std::string(fault)));
    return ++fault_count_ < kMaxFaults;
  }

  Archive archive_;
  bool open_ = false;
  bool has_spec_ = false;
  bool has_module_ = false;
  int members_ = 0;
  int fault_count_ = 0;
  size_t unpacked_ = 0;
  absl::flat_hash_set<std::string> seen_;
  Violations faults_;
  BundleContent content_;
};

}  // namespace

absl::StatusOr<BundleContent> ReadBundle(std::string_view bundle) {
  Violations faults;
  if (bundle.empty()) faults.Add("bundle", "is empty");
  if (bundle.size() > kMaxBundleBytes) {
    faults.Add("bundle", absl::StrCat("is larger than ", kMaxBundleBytes >> 20, " MiB"));
  }
  if (!faults.empty()) return faults.ToStatus(v1::BUNDLE_INVALID);
  return Reader(bundle).Read();
}

}  // namespace stackyard::stacks
