#include "services/stacks/state_store.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/status.h"

namespace stackyard::stacks {
namespace {

using v1::StateVersion;

constexpr size_t kDigest = 64;

// Whether a state may follow on one with this lineage and serial; an empty lineage: on none.
absl::Status CheckGoesOn(const StackRecord& record, const StateFile& state,
                         const std::string& lineage, int64_t serial) {
  const std::string& name = record.stack().name();
  if (lineage.empty()) return absl::OkStatus();
  if (lineage != state.lineage) {
    return Error(
        v1::STATE_CONFLICT,
        absl::StrCat("the state of ", name, " has the lineage ", lineage, ", not ", state.lineage),
        {{"resource", name}});
  }
  if (state.serial <= serial) {
    return Error(v1::STATE_CONFLICT,
                 absl::StrCat("the state of ", name, " has the serial ", serial, " already, so ",
                              state.serial, " does not go on from it"),
                 {{"resource", name}});
  }
  return absl::OkStatus();
}

void InsertVersion(Change& change, const StackRecord& record, const StateVersion& version) {
  const std::string uid = record.stack().uid();
  const int64_t serial = version.serial();
  const std::string body = Pack(version);
  change.sql << "INSERT INTO state_versions (uid, serial, digest, body) "
                "VALUES (:uid, :serial, :digest, :body)",
      soci::use(uid), soci::use(serial), soci::use(version.digest()), soci::use(body);
}

// Drafts, oldest first: they are the versions above the current serial.
absl::StatusOr<std::vector<StateVersion>> Drafts(soci::session& sql, const StackRecord& record) {
  const std::string uid = record.stack().uid();
  const int64_t serial = record.state_digest().empty() ? -1 : record.state_serial();
  std::vector<StateVersion> drafts;
  const soci::rowset<std::string> bodies =
      (sql.prepare << "SELECT body FROM state_versions WHERE uid = :uid AND serial > :serial "
                      "ORDER BY serial",
       soci::use(uid), soci::use(serial));
  for (const std::string& body : bodies) {
    ASSIGN_OR_RETURN(StateVersion version, Unpacked<StateVersion>(body));
    if (version.draft()) drafts.push_back(std::move(version));
  }
  return drafts;
}

absl::StatusOr<StateVersion> FindBody(soci::session& sql, const StackRecord& record,
                                      const std::string& id, const std::string& body) {
  if (!sql.got_data()) return NotFound(absl::StrCat(record.stack().name(), "/stateVersions/", id));
  return Unpacked<StateVersion>(body);
}

}  // namespace

StateVersion Describe(const Change& change, const StackRecord& record, const StateFile& state,
                      const std::string& digest, int64_t size, const std::string& run) {
  StateVersion version;
  version.set_name(absl::StrCat(record.stack().name(), "/stateVersions/", state.serial));
  version.set_serial(state.serial);
  version.set_lineage(state.lineage);
  version.set_digest(digest);
  version.set_size_bytes(size);
  version.set_run(run);
  version.set_creator(change.actor.name);
  *version.mutable_create_time() = ToProto(change.now);
  version.set_engine_version(state.engine_version);
  version.set_resource_count(static_cast<int>(state.resources.size()));
  return version;
}

absl::Status AppendState(Change& change, StackRecord& record, const StateFile& state,
                         const std::string& digest, int64_t size, const std::string& run) {
  if (record.state_digest() == digest) return absl::OkStatus();
  // An import that came to nothing has left its lineage, and no state.
  const int64_t serial = record.state_digest().empty() ? -1 : record.state_serial();
  RETURN_IF_ERROR(CheckGoesOn(record, state, record.state_lineage(), serial));
  InsertVersion(change, record, Describe(change, record, state, digest, size, run));
  record.set_state_serial(state.serial);
  record.set_state_digest(digest);
  record.set_state_lineage(state.lineage);
  // Also when the run never ends properly: what is in the state is there to be destroyed.
  int count = 0;
  for (const v1::Resource& resource : state.resources) count += resource.mode() == "managed";
  record.mutable_stack()->set_resource_count(count);
  return SaveStack(change, record);
}

absl::StatusOr<StateVersion> AppendDraft(Change& change, const StackRecord& record,
                                         const StateFile& state, const std::string& digest,
                                         int64_t size) {
  ASSIGN_OR_RETURN(const auto newest, NewestState(change.sql, record));
  if (newest && newest->digest() == digest) return *newest;
  if (newest) {
    RETURN_IF_ERROR(CheckGoesOn(record, state, newest->lineage(), newest->serial()));
  }
  StateVersion version = Describe(change, record, state, digest, size, "");
  version.set_draft(true);
  InsertVersion(change, record, version);
  return version;
}

absl::StatusOr<std::optional<StateVersion>> PromoteDrafts(Change& change, StackRecord& record) {
  ASSIGN_OR_RETURN(std::vector<StateVersion> drafts, Drafts(change.sql, record));
  if (drafts.empty()) return std::nullopt;
  if (record.state_lineage().empty()) {
    RETURN_IF_ERROR(CheckLineageFree(change, record, drafts.back().lineage()));
  }
  const std::string uid = record.stack().uid();
  for (StateVersion& version : drafts) {
    version.set_draft(false);
    const int64_t serial = version.serial();
    const std::string body = Pack(version);
    change.sql << "UPDATE state_versions SET body = :body WHERE uid = :uid AND serial = :serial",
        soci::use(body), soci::use(uid), soci::use(serial);
  }
  const StateVersion& last = drafts.back();
  record.set_state_serial(last.serial());
  record.set_state_digest(last.digest());
  record.set_state_lineage(last.lineage());
  return last;
}

absl::StatusOr<std::vector<StateVersion>> DropDrafts(Change& change, const StackRecord& record) {
  ASSIGN_OR_RETURN(std::vector<StateVersion> drafts, Drafts(change.sql, record));
  const std::string uid = record.stack().uid();
  for (StateVersion& version : drafts) {
    const int64_t serial = version.serial();
    change.sql << "DELETE FROM state_versions WHERE uid = :uid AND serial = :serial",
        soci::use(uid), soci::use(serial);
    KeepStray(change, record, version);
  }
  return drafts;
}

bool KeepStray(Change& change, const StackRecord& record, StateVersion& version) {
  version.set_name(absl::StrCat(record.stack().name(), "/stateVersions/", version.digest()));
  version.set_draft(true);
  const std::string uid = record.stack().uid();
  // When it was written, so that the newest of several drafts stays the newest.
  const int64_t now =
      ToMicros(version.has_create_time() ? FromProto(version.create_time()) : change.now);
  const std::string body = Pack(version);
  soci::statement insert =
      (change.sql.prepare << "INSERT INTO stray_states (uid, digest, create_micros, body) "
                             "VALUES (:uid, :digest, :now, :body) "
                             "ON CONFLICT (uid, digest) DO NOTHING",
       soci::use(uid), soci::use(version.digest()), soci::use(now), soci::use(body));
  insert.execute(true);
  return insert.get_affected_rows() > 0;
}

absl::StatusOr<StateVersion> FindState(soci::session& sql, const StackRecord& record,
                                       const std::string& id) {
  const std::string uid = record.stack().uid();
  std::string body;
  if (id.size() == kDigest) {
    sql << "SELECT body FROM stray_states WHERE uid = :uid AND digest = :digest", soci::use(uid),
        soci::use(id), soci::into(body);
    return FindBody(sql, record, id, body);
  }
  int64_t serial = record.state_serial();
  if (id != "latest" && (!absl::SimpleAtoi(id, &serial) || serial < 1)) {
    return InvalidField("name", "must end in a serial, in the digest of a stray, or in `latest`");
  }
  sql << "SELECT body FROM state_versions WHERE uid = :uid AND serial = :serial", soci::use(uid),
      soci::use(serial), soci::into(body);
  return FindBody(sql, record, id, body);
}

absl::StatusOr<StateVersion> FindStray(soci::session& sql, const StackName& name,
                                       const std::string& digest) {
  std::string body;
  sql << "SELECT s.body FROM stray_states s JOIN stacks k ON k.uid = s.uid "
         "WHERE s.digest = :digest AND k.project = :project AND k.id = :id "
         "ORDER BY s.create_micros DESC LIMIT 1",
      soci::use(digest), soci::use(name.project), soci::use(name.stack), soci::into(body);
  if (!sql.got_data()) return NotFound(absl::StrCat(name.ToString(), "/stateVersions/", digest));
  return Unpacked<StateVersion>(body);
}

absl::StatusOr<std::optional<StateVersion>> NewestState(soci::session& sql,
                                                        const StackRecord& record) {
  ASSIGN_OR_RETURN(const std::vector<StateVersion> drafts, Drafts(sql, record));
  if (!drafts.empty()) return drafts.back();
  if (record.state_digest().empty()) return std::nullopt;
  ASSIGN_OR_RETURN(StateVersion current, FindState(sql, record, "latest"));
  return current;
}

bool WasSaved(soci::session& sql, const std::string& uid, const std::string& digest) {
  // Rows of an older program have no digest in their column.
  const soci::rowset<std::string> bodies =
      (sql.prepare
           << "SELECT body FROM state_versions WHERE uid = :uid AND digest IN (:digest, '')",
       soci::use(uid), soci::use(digest));
  for (const std::string& body : bodies) {
    const auto version = Unpacked<StateVersion>(body);
    if (version.ok() && version->digest() == digest && !version->draft()) return true;
  }
  return false;
}

void KeepForGood(Change& change, const std::string& uid, int64_t serial) {
  change.sql << "UPDATE state_versions SET kept = 1 WHERE uid = :uid AND serial = :serial",
      soci::use(uid), soci::use(serial);
}

absl::Status CheckLineageFree(Change& change, const StackRecord& record,
                              const std::string& lineage) {
  NextNumber(change, "imports");
  const std::string owner = FindLineage(change.sql, lineage);
  if (owner.empty() || owner == record.stack().name()) return absl::OkStatus();
  return Error(v1::STATE_CONFLICT,
               absl::StrCat("the state of ", owner, " has the lineage ", lineage, " already"),
               {{"lineage", lineage}});
}

absl::StatusOr<Rows<StateVersion>> ListStates(
    soci::session& sql, const std::string& uid, const Page& page,
    const std::function<bool(const StateVersion&)>& accept) {
  return ReadRows<StateVersion>(
      page,
      [&](const std::string& after, int limit, std::vector<std::string>& keys,
          std::vector<std::string>& bodies) {
        int64_t before = INT64_MAX;
        if (!after.empty() && !absl::SimpleAtoi(after, &before)) before = 0;
        sql << "SELECT CAST(serial AS TEXT) AS key, body FROM state_versions WHERE uid = :uid "
               "AND serial < :before ORDER BY serial DESC LIMIT :limit",
            soci::use(uid), soci::use(before), soci::use(limit), soci::into(keys),
            soci::into(bodies);
      },
      accept);
}

}  // namespace stackyard::stacks
