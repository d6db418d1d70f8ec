#include "services/stacks/stack_index.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/proto_time.h"
#include "common/status_macros.h"
#include "services/stacks/lifecycle.h"
#include "services/stacks/rows.h"
#include "services/stacks/stack_store.h"

namespace stackyard::stacks {
namespace {

// Stacks that one transaction of IndexMore writes: on SQLite nobody else writes meanwhile.
constexpr int kBatch = 200;

// PostgreSQL has no text with a zero in it. Both sides of a comparison go through here.
std::string Term(char mark, std::string_view text) {
  return absl::StrCat(std::string(1, mark),
                      absl::StrReplaceAll(std::string(text), {{std::string(1, '\0'), "\1"}}));
}

std::vector<std::string> Texts(soci::session& sql, const std::string& query,
                               const std::string& value) {
  soci::rowset<std::string> rows = (sql.prepare << query, soci::use(value));
  return {rows.begin(), rows.end()};
}

// The stack's place in the index.
struct Place {
  std::string uid, project, id;
  int live = 0;
};

void WriteRow(Change& change, const v1::Stack& stack, const Place& place) {
  const int64_t created = ToMicros(FromProto(stack.create_time()));
  const int64_t updated = ToMicros(FromProto(stack.update_time()));
  const int64_t ends = ToMicros(FromProto(stack.lease().end_time()));
  change.sql << "INSERT INTO stack_index (uid, project, id, live, create_micros, update_micros, "
                "end_micros) VALUES (:uid, :project, :id, :live, :created, :updated, :ends) "
                "ON CONFLICT (uid) DO UPDATE SET live = excluded.live, "
                "create_micros = excluded.create_micros, "
                "update_micros = excluded.update_micros, end_micros = excluded.end_micros",
      soci::use(place.uid), soci::use(place.project), soci::use(place.id), soci::use(place.live),
      soci::use(created), soci::use(updated), soci::use(ends);
}

void WriteTerms(Change& change, const v1::Stack& stack, const Place& place) {
  const std::vector<std::string> wanted = TermsOf(stack);
  // Those of a stack that died move as a whole.
  change.sql << "DELETE FROM stack_terms WHERE uid = :uid AND live <> :live", soci::use(place.uid),
      soci::use(place.live);
  std::vector<std::string> there =
      Texts(change.sql, "SELECT term FROM stack_terms WHERE uid = :uid", place.uid);
  std::sort(there.begin(), there.end());
  std::vector<std::string> gone, fresh;
  std::set_difference(there.begin(), there.end(), wanted.begin(), wanted.end(),
                      std::back_inserter(gone));
  std::set_difference(wanted.begin(), wanted.end(), there.begin(), there.end(),
                      std::back_inserter(fresh));
  for (const std::string& term : gone) {
    change.sql << "DELETE FROM stack_terms WHERE uid = :uid AND term = :term", soci::use(place.uid),
        soci::use(term);
  }
  for (const std::string& term : fresh) {
    change.sql << "INSERT INTO stack_terms (uid, term, live, project, id) "
                  "VALUES (:uid, :term, :live, :project, :id)",
        soci::use(place.uid), soci::use(term), soci::use(place.live), soci::use(place.project),
        soci::use(place.id);
  }
}

// Indexes a stack by its row, or drops what is there of one without a row. The name is touched: who
// wrote the row may have told nobody.
absl::Status Reindex(Change& change, const std::string& uid) {
  std::string body;
  change.sql << absl::StrCat("SELECT body FROM stacks WHERE uid = :uid",
                             std::string(change.db.ForUpdate())),
      soci::use(uid), soci::into(body);
  if (!change.sql.got_data()) {
    std::string project, id;
    change.sql << "SELECT project, id FROM stack_index WHERE uid = :uid", soci::use(uid),
        soci::into(project), soci::into(id);
    if (change.sql.got_data()) change.touched.names.insert(StackName{project, id}.ToString());
    change.sql << "DELETE FROM stack_index WHERE uid = :uid", soci::use(uid);
    change.sql << "DELETE FROM stack_terms WHERE uid = :uid", soci::use(uid);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const StackRecord record, Unpacked<StackRecord>(body));
  RETURN_IF_ERROR(IndexStack(change, record));
  change.sql << "UPDATE stacks SET indexed = indexed + 1 WHERE uid = :uid", soci::use(uid);
  change.touched.names.insert(record.stack().name());
  return absl::OkStatus();
}

// Those that were written without the index. Answers how many there were, up to a batch.
absl::StatusOr<int> IndexWritten(Change& change) {
  const std::vector<std::string> uids =
      Texts(change.sql,
            absl::StrCat("SELECT uid FROM stack_unindexed WHERE uid > :after LIMIT ", kBatch), "");
  for (const std::string& uid : uids) {
    RETURN_IF_ERROR(Reindex(change, uid));
    change.sql << "DELETE FROM stack_unindexed WHERE uid = :uid", soci::use(uid);
  }
  return static_cast<int>(uids.size());
}

// Those from before there was an index, in order of their uids. Answers whether that is done.
absl::StatusOr<bool> IndexOld(Change& change) {
  std::string after;
  int done = 0;
  change.sql << absl::StrCat("SELECT after_uid, done FROM stack_index_progress",
                             std::string(change.db.ForUpdate())),
      soci::into(after), soci::into(done);
  if (done != 0) return true;
  const std::vector<std::string> uids = Texts(
      change.sql,
      absl::StrCat("SELECT uid FROM stacks WHERE uid > :after ORDER BY uid LIMIT ", kBatch), after);
  for (const std::string& uid : uids) RETURN_IF_ERROR(Reindex(change, uid));
  const int finished = static_cast<int>(uids.size()) < kBatch ? 1 : 0;
  if (!uids.empty()) after = uids.back();
  change.sql << "UPDATE stack_index_progress SET after_uid = :after, done = :done",
      soci::use(after), soci::use(finished);
  return finished != 0;
}

}  // namespace

std::string StateTerm(int state) { return absl::StrCat("s", state); }
std::string CreatorTerm(std::string_view creator) { return Term('c', creator); }
std::string VersionTerm(std::string_view version) { return Term('v', version); }
std::string TemplateTerm(std::string_view template_id) { return Term('t', template_id); }
std::string LabelTerm(std::string_view key, std::string_view value) {
  return Term('l', absl::StrCat(std::string(key), "=", std::string(value)));
}
std::string LabelKeyTerm(std::string_view key) { return Term('k', key); }

std::string TemplateOf(std::string_view version) {
  const std::vector<std::string> parts = absl::StrSplit(std::string(version), '/');
  return parts.size() > 1 ? parts[1] : "";
}

std::vector<std::string> TermsOf(const v1::Stack& stack) {
  std::vector<std::string> terms = {StateTerm(stack.state()), CreatorTerm(stack.creator()),
                                    VersionTerm(stack.template_version()),
                                    TemplateTerm(TemplateOf(stack.template_version()))};
  for (const auto& [key, value] : stack.labels()) {
    terms.push_back(LabelTerm(key, value));
    terms.push_back(LabelKeyTerm(key));
  }
  std::sort(terms.begin(), terms.end());
  terms.erase(std::unique(terms.begin(), terms.end()), terms.end());
  return terms;
}

absl::Status IndexStack(Change& change, const StackRecord& record) {
  const v1::Stack& stack = record.stack();
  ASSIGN_OR_RETURN(StackName name, StackName::Parse("name", stack.name()));
  const Place place{stack.uid(), std::move(name.project), std::move(name.stack),
                    HoldsName(stack.state()) ? 1 : 0};
  WriteRow(change, stack, place);
  WriteTerms(change, stack, place);
  return absl::OkStatus();
}

bool HasUnindexed(soci::session& sql) {
  int waiting = 0;
  sql << "SELECT COUNT(*) FROM (SELECT 1 FROM stack_unindexed LIMIT 1) AS found",
      soci::into(waiting);
  return waiting > 0;
}

bool IsIndexed(soci::session& sql) {
  int done = 0;
  sql << "SELECT done FROM stack_index_progress", soci::into(done);
  return done != 0 && !HasUnindexed(sql);
}

absl::StatusOr<bool> IndexMore(Store& store) {
  // Mostly there is nothing, and a transaction that writes keeps others waiting.
  const absl::StatusOr<bool> whole = store.ReadValue<bool>(
      [](soci::session& sql) { return absl::StatusOr<bool>(IsIndexed(sql)); });
  if (!whole.ok() || *whole) return whole;
  return store.WriteValue<bool>(Actor(), [](Change& change) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(const int written, IndexWritten(change));
    ASSIGN_OR_RETURN(const bool done, IndexOld(change));
    return done && written < kBatch;
  });
}

}  // namespace stackyard::stacks
