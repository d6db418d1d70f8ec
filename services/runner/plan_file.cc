#include "services/runner/plan_file.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "services/runner/msgpack.h"
#include "services/runner/wire_fields.h"

namespace stackyard::runner {
namespace {

using nlohmann::json;

constexpr uint64_t kVersion = 3;
// Larger plans are left to Terraform, which has limits of its own.
constexpr size_t kMaxUnpacked = 256 << 20;
constexpr std::string_view kRootFolder = "tfconfig/m-/";

absl::Status Unexpected(std::string_view what) {
  return absl::FailedPreconditionError(std::string(what));
}

struct CloseArchive {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

// The members of the file that are looked at, by name.
absl::StatusOr<std::map<std::string, std::string>> Unzip(std::string_view bytes) {
  const std::unique_ptr<archive, CloseArchive> reader(archive_read_new());
  // By its directory alone: of a file that is cut off, members would be missing.
  archive_read_support_format_zip_seekable(reader.get());
  if (archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) {
    return Unexpected("the plan is no zip file");
  }
  std::map<std::string, std::string> members;
  size_t total = 0;
  while (true) {
    archive_entry* entry = nullptr;
    const int read = archive_read_next_header(reader.get(), &entry);
    if (read == ARCHIVE_EOF) return members;
    if (read != ARCHIVE_OK) return Unexpected("the plan is no zip file");
    const char* raw = archive_entry_pathname(entry);
    const std::string name = raw == nullptr ? "" : raw;
    if (name != "tfplan" && name != "tfstate" && name.rfind(kRootFolder, 0) != 0) continue;
    std::string& content = members[name];
    char buffer[65536];
    while (true) {
      const la_ssize_t got = archive_read_data(reader.get(), buffer, sizeof(buffer));
      if (got < 0) return Unexpected("the plan is a damaged zip file");
      if (got == 0) break;
      total += static_cast<size_t>(got);
      if (total > kMaxUnpacked) return Unexpected("the plan is very large");
      content.append(buffer, static_cast<size_t>(got));
    }
  }
}

// DynamicValue.msgpack
absl::StatusOr<std::string> ReadDynamicValue(std::string_view bytes) {
  std::string msgpack;
  RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
    if (field.number != 1) return Unexpected("a value in another form than msgpack");
    msgpack = std::string(field.bytes);
    return absl::OkStatus();
  }));
  return msgpack;
}

// Step.attribute_name, .element_key
absl::StatusOr<json> ReadPathStep(std::string_view bytes) {
  json step;
  RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
    if (field.number == 1) {
      step = std::string(field.bytes);
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const std::string msgpack, ReadDynamicValue(field.bytes));
    ASSIGN_OR_RETURN(const MsgpackHead head, MsgpackReader(msgpack).Next());
    if (head.kind == MsgpackHead::Kind::kString) {
      step = std::string(head.bytes);
    } else if (head.kind == MsgpackHead::Kind::kUint) {
      step = head.number;
    } else {
      // Elements of sets are named by their values.
      return Unexpected("a path through a set");
    }
    return absl::OkStatus();
  }));
  if (step.is_null()) return Unexpected("an empty step of a path");
  return step;
}

// Path.steps
absl::StatusOr<json> ReadPath(std::string_view bytes) {
  json path = json::array();
  RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
    ASSIGN_OR_RETURN(json step, ReadPathStep(field.bytes));
    path.push_back(std::move(step));
    return absl::OkStatus();
  }));
  return path;
}

absl::Status AddPath(std::string_view bytes, std::vector<json>& paths) {
  ASSIGN_OR_RETURN(json path, ReadPath(bytes));
  paths.push_back(std::move(path));
  return absl::OkStatus();
}

// Which of the values of a change is the one before and the one after.
absl::Status TakeValues(std::vector<std::string> values, StoredChange& change) {
  const auto expect = [&](size_t count) {
    return values.size() == count ? absl::OkStatus()
                                  : Unexpected("a change with another number of values");
  };
  switch (change.action) {
    case StoredAction::kNoOp:
      RETURN_IF_ERROR(expect(1));
      change.before = values[0];
      change.after = std::move(values[0]);
      return absl::OkStatus();
    case StoredAction::kCreate:
      RETURN_IF_ERROR(expect(1));
      change.after = std::move(values[0]);
      return absl::OkStatus();
    case StoredAction::kDelete:
    case StoredAction::kForget:
      RETURN_IF_ERROR(expect(1));
      change.before = std::move(values[0]);
      return absl::OkStatus();
    case StoredAction::kRead:
    case StoredAction::kUpdate:
    case StoredAction::kDeleteThenCreate:
    case StoredAction::kCreateThenDelete:
      RETURN_IF_ERROR(expect(2));
      change.before = std::move(values[0]);
      change.after = std::move(values[1]);
      return absl::OkStatus();
  }
  return Unexpected("a change of an unknown kind");
}

// Change.action, .values, .before_sensitive_paths, .after_sensitive_paths; the rest is about where
// an import comes from.
absl::Status ReadChange(std::string_view bytes, StoredChange& change) {
  std::vector<std::string> values;
  RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
    switch (field.number) {
      case 1:
        change.action = static_cast<StoredAction>(field.value);
        return absl::OkStatus();
      case 2: {
        ASSIGN_OR_RETURN(std::string value, ReadDynamicValue(field.bytes));
        values.push_back(std::move(value));
        return absl::OkStatus();
      }
      case 3:
        return AddPath(field.bytes, change.before_sensitive);
      case 4:
        return AddPath(field.bytes, change.after_sensitive);
      case 5:
      case 6:
      case 7:
      case 8:
        return absl::OkStatus();
      default:
        return Unexpected(absl::StrCat("field ", field.number, " of a change"));
    }
  }));
  return TakeValues(std::move(values), change);
}

absl::StatusOr<std::string> ReasonName(uint64_t reason) {
  static const char* const kReasons[] = {"",
                                         "replace_because_tainted",
                                         "replace_by_request",
                                         "replace_because_cannot_update",
                                         "delete_because_no_resource_config",
                                         "delete_because_wrong_repetition",
                                         "delete_because_count_index",
                                         "delete_because_each_key",
                                         "delete_because_no_module",
                                         "replace_by_triggers",
                                         "read_because_config_unknown",
                                         "read_because_dependency_pending",
                                         "delete_because_no_move_target",
                                         "read_because_check_nested"};
  if (reason >= std::size(kReasons)) return Unexpected("an unknown reason of a change");
  return kReasons[reason];
}

// ResourceInstanceChange
absl::StatusOr<StoredChange> ReadResourceChange(std::string_view bytes) {
  StoredChange change;
  bool found = false;
  RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
    switch (field.number) {
      case 7:
        change.deposed = std::string(field.bytes);
        return absl::OkStatus();
      case 8:
        change.provider = std::string(field.bytes);
        return absl::OkStatus();
      case 9:
        found = true;
        return ReadChange(field.bytes, change);
      case 11:
        return AddPath(field.bytes, change.required_replace);
      case 12: {
        ASSIGN_OR_RETURN(change.reason, ReasonName(field.value));
        return absl::OkStatus();
      }
      case 13:
        change.address = std::string(field.bytes);
        return absl::OkStatus();
      // What the provider alone understands, and where the resource was before.
      case 10:
      case 14:
        return absl::OkStatus();
      default:
        return Unexpected(absl::StrCat("field ", field.number, " of a resource's change"));
    }
  }));
  if (!found) return Unexpected("a resource without a change");
  return change;
}

// OutputChange
absl::StatusOr<StoredChange> ReadOutputChange(std::string_view bytes) {
  StoredChange change;
  bool found = false;
  RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
    switch (field.number) {
      case 1:
        change.address = std::string(field.bytes);
        return absl::OkStatus();
      case 2:
        found = true;
        return ReadChange(field.bytes, change);
      case 3:
        change.sensitive = field.value != 0;
        return absl::OkStatus();
      default:
        return Unexpected(absl::StrCat("field ", field.number, " of an output's change"));
    }
  }));
  if (!found) return Unexpected("an output without a change");
  return change;
}

// An entry of Plan.variables
absl::Status ReadVariable(std::string_view bytes, PlanFile& plan) {
  std::string name;
  std::string value;
  RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
    if (field.number == 1) {
      name = std::string(field.bytes);
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(value, ReadDynamicValue(field.bytes));
    return absl::OkStatus();
  }));
  plan.variables[name] = std::move(value);
  return absl::OkStatus();
}

template <typename Reader>
absl::Status Append(std::vector<StoredChange>& changes, Reader reader, std::string_view bytes) {
  ASSIGN_OR_RETURN(StoredChange change, reader(bytes));
  changes.push_back(std::move(change));
  return absl::OkStatus();
}

// Plan
absl::Status ReadMessage(std::string_view bytes, PlanFile& plan) {
  // Checks, targets, the backend, versions, times and results of functions: nothing of what is
  // shown depends on them.
  static const std::set<int> kIgnored = {5, 13, 14, 15, 16, 19, 20, 21, 22, 25, 26, 28};
  uint64_t version = 0;
  RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
    switch (field.number) {
      case 1:
        version = field.value;
        return absl::OkStatus();
      case 2:
        return ReadVariable(field.bytes, plan);
      case 3:
        return Append(plan.changes, ReadResourceChange, field.bytes);
      case 4:
        return Append(plan.outputs, ReadOutputChange, field.bytes);
      case 17:
        plan.refresh_only = field.value == 2;
        return absl::OkStatus();
      case 18:
        return Append(plan.drift, ReadResourceChange, field.bytes);
      default:
        return kIgnored.count(field.number) > 0
                   ? absl::OkStatus()
                   : Unexpected(absl::StrCat("field ", field.number, " of the plan"));
    }
  }));
  if (version != kVersion) return Unexpected(absl::StrCat("version ", version, " of the format"));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PlanFile> PlanFile::Read(std::string_view bytes) {
  ASSIGN_OR_RETURN(auto members, Unzip(bytes));
  PlanFile plan;
  // Bytes that are no message at all are as unexpected as the rest.
  if (const absl::Status read = ReadMessage(members["tfplan"], plan); !read.ok()) {
    return Unexpected(std::string(read.message()));
  }
  plan.state = std::move(members["tfstate"]);
  for (auto& [name, content] : members) {
    if (!absl::StartsWith(name, std::string(kRootFolder))) continue;
    plan.root_files[name.substr(kRootFolder.size())] = std::move(content);
  }
  return plan;
}

}  // namespace stackyard::runner
