#include "services/stacks/state_store.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/status.h"

namespace stackyard::stacks {

absl::Status AppendState(Change& change, StackRecord& record, const StateFile& state,
                         const std::string& digest, int64_t size, const std::string& run) {
  const std::string& name = record.stack().name();
  if (record.state_digest() == digest) return absl::OkStatus();
  if (!record.state_lineage().empty() && record.state_lineage() != state.lineage) {
    return Error(v1::STATE_CONFLICT,
                 absl::StrCat("the state of ", name, " has the lineage ", record.state_lineage(),
                              ", not ", state.lineage),
                 {{"resource", name}});
  }
  if (!record.state_digest().empty() && state.serial <= record.state_serial()) {
    return Error(v1::STATE_CONFLICT,
                 absl::StrCat("the state of ", name, " has the serial ", record.state_serial(),
                              " already, so ", state.serial, " does not go on from it"),
                 {{"resource", name}});
  }
  v1::StateVersion version;
  version.set_name(absl::StrCat(name, "/stateVersions/", state.serial));
  version.set_serial(state.serial);
  version.set_lineage(state.lineage);
  version.set_digest(digest);
  version.set_size_bytes(size);
  version.set_run(run);
  version.set_creator(change.actor.name);
  *version.mutable_create_time() = ToProto(change.now);
  version.set_engine_version(state.engine_version);
  version.set_resource_count(static_cast<int>(state.resources.size()));
  const std::string uid = record.stack().uid();
  const std::string body = Pack(version);
  change.sql << "INSERT INTO state_versions (uid, serial, body) VALUES (:uid, :serial, :body)",
      soci::use(uid), soci::use(state.serial), soci::use(body);
  record.set_state_serial(state.serial);
  record.set_state_digest(digest);
  record.set_state_lineage(state.lineage);
  // Also when the run never ends properly: what is in the state is there to be destroyed.
  int count = 0;
  for (const v1::Resource& resource : state.resources) count += resource.mode() == "managed";
  record.mutable_stack()->set_resource_count(count);
  return SaveStack(change, record);
}

absl::StatusOr<v1::StateVersion> FindState(soci::session& sql, const StackRecord& record,
                                           int64_t serial) {
  const int64_t wanted = serial == 0 ? record.state_serial() : serial;
  const std::string uid = record.stack().uid();
  std::string body;
  sql << "SELECT body FROM state_versions WHERE uid = :uid AND serial = :serial", soci::use(uid),
      soci::use(wanted), soci::into(body);
  if (!sql.got_data()) {
    return NotFound(absl::StrCat(record.stack().name(), "/stateVersions/",
                                 serial == 0 ? "latest" : absl::StrCat(serial)));
  }
  return Unpacked<v1::StateVersion>(body);
}

absl::StatusOr<Rows<v1::StateVersion>> ListStates(
    soci::session& sql, const std::string& uid, const Page& page,
    const std::function<bool(const v1::StateVersion&)>& accept) {
  return ReadRows<v1::StateVersion>(
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
