#include "services/gateway/sign_in.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/id.h"
#include "common/log.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "services/gateway/bootstrap.h"
#include "services/gateway/identity_internal.h"

namespace stackyard::gateway {
namespace {

// A row of `subjects`.
struct Subject {
  std::string user_id;
  // Of the token that was last followed.
  int64_t issue_time = 0;
};

std::optional<Subject> FindSubject(soci::session& sql, const ExternalUser& person) {
  Subject subject;
  long long issue_time = 0;
  sql << "SELECT user_id, issue_time FROM subjects WHERE issuer = :issuer AND subject = :subject",
      soci::use(person.issuer), soci::use(person.subject), soci::into(subject.user_id),
      soci::into(issue_time);
  if (!sql.got_data()) return std::nullopt;
  subject.issue_time = issue_time;
  return subject;
}

void SaveSubject(soci::session& sql, const ExternalUser& person, const std::string& user_id) {
  const long long issue_time = ToMicros(person.issue_time);
  sql << "INSERT INTO subjects (issuer, subject, user_id, issue_time) "
         "VALUES (:issuer, :subject, :user_id, :time) "
         "ON CONFLICT (issuer, subject) DO UPDATE SET issue_time = excluded.issue_time",
      soci::use(person.issuer), soci::use(person.subject), soci::use(user_id),
      soci::use(issue_time);
}

// Answers whether anything is new.
bool Follow(const ExternalUser& person, v1::User& user) {
  const v1::User before = user;
  user.set_issuer(person.issuer);
  user.set_subject(person.subject);
  if (!person.display_name.empty()) user.set_display_name(person.display_name);
  if (!person.email.empty()) user.set_email(person.email);
  if (person.groups) user.mutable_groups()->Assign(person.groups->begin(), person.groups->end());
  return user.SerializeAsString() != before.SerializeAsString();
}

void SaveUser(soci::session& sql, const std::string& id, absl::Time now, v1::User& user) {
  *user.mutable_update_time() = ToProto(now);
  user.set_etag(RandomId());
  kUsers.Save(sql, id, user);
}

absl::Status Taken(const ExternalUser& person, std::string_view by, std::string_view advice) {
  return Error(v1::TOKEN_INVALID, absl::StrCat("the ID token is refused: users/", person.user_id,
                                               " ", std::string(by), "; ", std::string(advice)));
}

// The user whose id a newcomer gets, where there is one already.
absl::Status CheckMayLink(const ExternalUser& person, const v1::User& user) {
  if (!user.subject().empty()) {
    return Taken(person, "belongs to another subject",
                 "an administrator can delete that user, or set `username_prefix` or "
                 "`username_claim` of the provider");
  }
  if (!person.link_existing) {
    return Taken(person, "was made by hand",
                 "an administrator can set `link_existing` of the provider, or delete that user");
  }
  return absl::OkStatus();
}

absl::Status Enter(soci::session& sql, const ExternalUser& person, absl::Time now) {
  // Not even when that user is gone: the next start would make an administrator of the newcomer.
  if (person.user_id == kBootstrapUser) {
    return Taken(person, "is the first administrator, whom no provider may stand for",
                 "set `username_prefix` or `username_claim` of the provider");
  }
  v1::User user;
  if (kUsers.Has(sql, person.user_id)) {
    RETURN_IF_ERROR(kUsers.Read(sql, person.user_id, user));
    RETURN_IF_ERROR(CheckMayLink(person, user));
  } else {
    user.set_name(absl::StrCat("users/", person.user_id));
    *user.mutable_create_time() = ToProto(now);
  }
  Follow(person, user);
  SaveUser(sql, person.user_id, now, user);
  SaveSubject(sql, person, person.user_id);
  return absl::OkStatus();
}

// Answers the user's id where there is nothing to write.
absl::StatusOr<std::optional<std::string>> LookUp(soci::session& sql, const ExternalUser& person) {
  const std::optional<Subject> subject = FindSubject(sql, person);
  if (!subject) return std::nullopt;
  if (ToMicros(person.issue_time) <= subject->issue_time) return subject->user_id;
  v1::User user;
  RETURN_IF_ERROR(kUsers.Read(sql, subject->user_id, user));
  if (Follow(person, user)) return std::nullopt;
  return subject->user_id;
}

absl::StatusOr<std::string> Write(soci::session& sql, const ExternalUser& person, absl::Time now) {
  // First of all, so that two replicas take turns, and the second sees what the first has made.
  BumpGeneration(sql);
  const std::optional<Subject> subject = FindSubject(sql, person);
  if (!subject) {
    RETURN_IF_ERROR(Enter(sql, person, now));
    return person.user_id;
  }
  if (ToMicros(person.issue_time) <= subject->issue_time) return subject->user_id;
  v1::User user;
  RETURN_IF_ERROR(kUsers.Read(sql, subject->user_id, user));
  if (Follow(person, user)) SaveUser(sql, subject->user_id, now, user);
  SaveSubject(sql, person, subject->user_id);
  return subject->user_id;
}

}  // namespace

absl::StatusOr<std::string> SignIn(Database& database, const ExternalUser& person, absl::Time now) {
  const auto known = database.ReadValue<std::optional<std::string>>(
      [&](soci::session& sql) { return LookUp(sql, person); });
  if (!known.ok()) return ExplainSql(known.status());
  if (known->has_value()) return **known;
  absl::StatusOr<std::string> written =
      database.WriteValue<std::string>([&](soci::session& sql) { return Write(sql, person, now); });
  if (!written.ok()) return ExplainSql(written.status());
  LogInfo("a person of an identity provider is new or has changed",
          {{"user", absl::StrCat("users/", *written)}, {"issuer", person.issuer}});
  return written;
}

}  // namespace stackyard::gateway
