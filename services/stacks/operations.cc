#include "services/stacks/operations.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/id.h"
#include "common/log.h"
#include "common/proto_time.h"
#include "common/status.h"

namespace stackyard::stacks {
namespace {

absl::Status Save(Change& change, OperationRecord& record) {
  OperationMetadata& metadata = *record.mutable_metadata();
  *metadata.mutable_update_time() = ToProto(change.now);
  metadata.set_version(metadata.version() + 1);
  const std::string name = record.operation().name();
  const std::string body = Pack(record);
  const int done = record.operation().done() ? 1 : 0;
  change.sql << "UPDATE operations SET done = :done, body = :body WHERE id = :id", soci::use(done),
      soci::use(body), soci::use(name);
  change.touched.names.insert(name);
  return absl::OkStatus();
}

}  // namespace

google::longrunning::Operation Show(const OperationRecord& record) {
  google::longrunning::Operation operation = record.operation();
  operation.mutable_metadata()->PackFrom(record.metadata());
  return operation;
}

absl::StatusOr<OperationRecord> CreateOperation(Change& change, const std::string& project,
                                                const std::string& target, const std::string& verb,
                                                OperationMetadata::Stage stage,
                                                const std::string& message) {
  OperationRecord record;
  const std::string name = absl::StrCat("operations/", RandomId(16));
  record.mutable_operation()->set_name(name);
  record.set_project(project);
  OperationMetadata& metadata = *record.mutable_metadata();
  metadata.set_target(target);
  metadata.set_verb(verb);
  metadata.set_stage(stage);
  metadata.set_message(message);
  metadata.set_creator(change.actor.name);
  metadata.set_version(1);
  *metadata.mutable_create_time() = ToProto(change.now);
  *metadata.mutable_update_time() = ToProto(change.now);
  const std::string body = Pack(record);
  const int64_t now = ToMicros(change.now);
  const std::string traceparent = RequestScope::Traceparent();
  change.sql << "INSERT INTO operations (id, project, done, create_micros, body, traceparent) "
                "VALUES (:id, :project, 0, :now, :body, :traceparent)",
      soci::use(name), soci::use(project), soci::use(now), soci::use(body), soci::use(traceparent);
  return record;
}

std::string TraceOfOperation(soci::session& sql, const std::string& name) {
  std::string traceparent;
  sql << "SELECT traceparent FROM operations WHERE id = :id", soci::use(name),
      soci::into(traceparent);
  return traceparent;
}

absl::StatusOr<OperationRecord> FindOperation(soci::session& sql, const std::string& name) {
  std::string body;
  sql << "SELECT body FROM operations WHERE id = :id", soci::use(name), soci::into(body);
  if (!sql.got_data()) return NotFound(name);
  return Unpacked<OperationRecord>(body);
}

absl::Status AdvanceOperation(Change& change, const std::string& name,
                              const std::function<void(OperationMetadata&)>& edit) {
  if (name.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(OperationRecord record, FindOperation(change.sql, name));
  if (record.operation().done()) return absl::OkStatus();
  edit(*record.mutable_metadata());
  return Save(change, record);
}

absl::Status FinishOperation(Change& change, const std::string& name, const absl::Status& error,
                             const google::protobuf::Message* response) {
  if (name.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(OperationRecord record, FindOperation(change.sql, name));
  auto& operation = *record.mutable_operation();
  if (operation.done()) return absl::OkStatus();
  operation.set_done(true);
  if (!error.ok()) {
    *operation.mutable_error() = ToProto(error);
  } else if (response != nullptr) {
    operation.mutable_response()->PackFrom(*response);
  }
  OperationMetadata& metadata = *record.mutable_metadata();
  metadata.set_stage(OperationMetadata::FINISHED);
  metadata.set_message(error.ok() ? "done" : std::string(error.message()));
  metadata.mutable_progress()->clear_active();
  *metadata.mutable_end_time() = ToProto(change.now);
  return Save(change, record);
}

absl::StatusOr<Rows<OperationRecord>> ListOperations(
    soci::session& sql, const Page& page,
    const std::function<bool(const OperationRecord&)>& accept) {
  return ReadRows<OperationRecord>(
      page,
      [&](const std::string& after, int limit, std::vector<std::string>& keys,
          std::vector<std::string>& bodies) {
        // Newest first: keys are `micros/id`.
        int64_t micros = INT64_MAX;
        std::string id;
        if (!after.empty()) {
          const std::pair<std::string, std::string> parts =
              absl::StrSplit(after, absl::MaxSplits('/', 1));
          if (!absl::SimpleAtoi(parts.first, &micros)) micros = 0;
          id = parts.second;
        }
        sql << "SELECT CAST(create_micros AS TEXT) || '/' || id, body FROM operations "
               "WHERE create_micros < :micros OR (create_micros = :same AND id < :id) "
               "ORDER BY create_micros DESC, id DESC LIMIT :limit",
            soci::use(micros), soci::use(micros), soci::use(id), soci::use(limit), soci::into(keys),
            soci::into(bodies);
      },
      accept);
}

}  // namespace stackyard::stacks
