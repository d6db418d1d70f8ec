#include "services/stacks/run_store.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/row_secrets.h"

namespace stackyard::stacks {

absl::StatusOr<RunName> RunName::Parse(std::string_view field, std::string_view name) {
  ASSIGN_OR_RETURN(const auto parts, ParseName(field, name, "projects/*/stacks/*/runs/*"));
  RunName result{{parts[0], parts[1]}, 0};
  if (!absl::SimpleAtoi(parts[2], &result.number) || result.number < 1) {
    return InvalidField(field, "must end in the number of a run");
  }
  return result;
}

std::string RunName::ToString() const { return absl::StrCat(stack.ToString(), "/runs/", number); }

absl::StatusOr<RunAndStack> LoadRun(Change& change, const std::string& target) {
  ASSIGN_OR_RETURN(const RunName name, RunName::Parse("lease.run", target));
  ASSIGN_OR_RETURN(StackRecord stack, LockStack(change, name.stack));
  ASSIGN_OR_RETURN(RunRecord run, FindRun(change.sql, name));
  if (run.stack_uid() != stack.stack().uid()) return NotFound(target);
  return RunAndStack{std::move(run), std::move(stack)};
}

absl::Status InsertRun(Change& change, const StackName& stack, RunRecord& record) {
  const int64_t number = NextNumber(change, absl::StrCat(stack.ToString(), "/runs"));
  v1::Run& run = *record.mutable_run();
  run.set_name(RunName{stack, number}.ToString());
  *run.mutable_create_time() = ToProto(change.now);
  if (record.has_preview()) SealSecrets(change.sealer, *record.mutable_preview());
  const std::string body = Pack(record);
  change.sql << "INSERT INTO runs (project, stack, number, body) "
                "VALUES (:project, :stack, :number, :body)",
      soci::use(stack.project), soci::use(stack.stack), soci::use(number), soci::use(body);
  return absl::OkStatus();
}

absl::Status SaveRun(Change& change, const RunRecord& record) {
  ASSIGN_OR_RETURN(const RunName name, RunName::Parse("name", record.run().name()));
  const std::string body = Pack(record);
  change.sql << "UPDATE runs SET body = :body WHERE project = :project AND stack = :stack "
                "AND number = :number",
      soci::use(body), soci::use(name.stack.project), soci::use(name.stack.stack),
      soci::use(name.number);
  change.touched.names.insert(record.run().name());
  return absl::OkStatus();
}

absl::StatusOr<RunRecord> FindRun(soci::session& sql, const RunName& name) {
  std::string body;
  sql << "SELECT body FROM runs WHERE project = :project AND stack = :stack AND number = :number",
      soci::use(name.stack.project), soci::use(name.stack.stack), soci::use(name.number),
      soci::into(body);
  if (!sql.got_data()) return NotFound(name.ToString());
  return Unpacked<RunRecord>(body);
}

absl::StatusOr<Rows<RunRecord>> ListRuns(soci::session& sql, const std::string& project,
                                         const std::string& stack, const Page& page,
                                         const std::function<bool(const RunRecord&)>& accept) {
  return ReadRows<RunRecord>(
      page,
      [&](const std::string& after, int limit, std::vector<std::string>& keys,
          std::vector<std::string>& bodies) {
        // Keys are `project/stack/number`; stacks by name, the runs of each newest first.
        std::vector<std::string> parts = absl::StrSplit(after, '/');
        parts.resize(3);
        int64_t number = INT64_MAX;
        if (!after.empty() && !absl::SimpleAtoi(parts[2], &number)) number = 0;
        sql << "SELECT project || '/' || stack || '/' || CAST(number AS TEXT), body FROM runs "
               "WHERE (:any_project = '' OR project = :project) "
               "AND (:any_stack = '' OR stack = :stack) "
               "AND ((project, stack) > (:after_project, :after_stack) "
               "OR (project = :same_project AND stack = :same_stack AND number < :number)) "
               "ORDER BY project, stack, number DESC LIMIT :limit",
            soci::use(project), soci::use(project), soci::use(stack), soci::use(stack),
            soci::use(parts[0]), soci::use(parts[1]), soci::use(parts[0]), soci::use(parts[1]),
            soci::use(number), soci::use(limit), soci::into(keys), soci::into(bodies);
      },
      accept);
}

absl::Status AppendRunEvents(Change& change, const std::string& run,
                             const google::protobuf::RepeatedPtrField<v1::RunEvent>& events,
                             int skip) {
  if (skip >= events.size()) return absl::OkStatus();
  int64_t sequence = 0;
  change.sql << "SELECT COALESCE(MAX(sequence), 0) FROM run_events WHERE run = :run",
      soci::use(run), soci::into(sequence);
  std::vector<int64_t> sequences;
  std::vector<std::string> runs, bodies;
  for (int i = skip; i < events.size(); ++i) {
    v1::RunEvent event = events[i];
    event.set_sequence(++sequence);
    runs.push_back(run);
    sequences.push_back(sequence);
    bodies.push_back(Pack(event));
  }
  change.sql << "INSERT INTO run_events (run, sequence, body) VALUES (:run, :sequence, :body)",
      soci::use(runs), soci::use(sequences), soci::use(bodies);
  change.touched.names.insert(run);
  return absl::OkStatus();
}

absl::StatusOr<Rows<v1::RunEvent>> ListRunEvents(soci::session& sql, const std::string& run,
                                                 const Page& page) {
  return ReadRows<v1::RunEvent>(
      page,
      [&](const std::string& after, int limit, std::vector<std::string>& keys,
          std::vector<std::string>& bodies) {
        int64_t from = 0;
        if (!after.empty() && !absl::SimpleAtoi(after, &from)) from = INT64_MAX;
        sql << "SELECT CAST(sequence AS TEXT) AS key, body FROM run_events WHERE run = :run "
               "AND sequence > :from ORDER BY sequence LIMIT :limit",
            soci::use(run), soci::use(from), soci::use(limit), soci::into(keys), soci::into(bodies);
      },
      [](const v1::RunEvent&) { return true; });
}

}  // namespace stackyard::stacks
