#include "services/quota/reservation.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/id.h"
#include "common/proto_time.h"
#include "services/quota/fields.h"

namespace stackyard::quota {
namespace {

using stackyard::ToProto;

v1::Reservation::State ToProto(ReservationState state) {
  switch (state) {
    case ReservationState::kPending:
      return v1::Reservation::PENDING;
    case ReservationState::kCommitted:
      return v1::Reservation::COMMITTED;
    case ReservationState::kReleased:
      return v1::Reservation::RELEASED;
  }
  return v1::Reservation::STATE_UNSPECIFIED;
}

// Whatever makes two requests for one name the same request.
std::string Fingerprint(const Reservation& asked) {
  std::string text = absl::StrCat(asked.user, "\n", asked.holder, "\n", asked.supersedes, "\n",
                                  ToMicros(asked.window.start), " ", ToMicros(asked.window.end),
                                  " ", ToMicros(asked.expire_time));
  for (const auto& [metric, amount] : asked.reserved) {
    absl::StrAppend(&text, "\n", metric, "=", amount);
  }
  return Sha256Hex(text);
}

std::string Text(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string Sentence(const v1::Shortfall& shortfall, const std::string& user) {
  return absl::StrCat(shortfall.metric(),
                      shortfall.level() == "user" ? absl::StrCat(" of ", user) : "", ": ",
                      shortfall.requested(), " asked, ", shortfall.used(), " of ",
                      shortfall.limit(), " used at ", Text(FromProto(shortfall.at())), "; ",
                      shortfall.has_fits_from()
                          ? absl::StrCat("would fit from ", Text(FromProto(shortfall.fits_from())))
                          : "would never fit as things stand");
}

}  // namespace

Reservation ReadReservation(const v1::Reservation& asked, const MetricIds& known,
                            Violations& violations) {
  Reservation read;
  read.name = ReadReservationName("reservation.name", asked.name(), violations);
  read.reserved = ReadAmounts("reservation.amounts", asked.amounts(), known, violations);
  read.amounts = read.reserved;
  read.admitted = read.reserved;
  read.user = asked.user();
  if (!read.user.empty() && !IsUserId(read.user)) violations.Add("reservation.user", kUserIdRule);
  read.holder = asked.holder();
  CheckText("reservation.holder", read.holder, 300, violations);
  if (!asked.has_start_time()) violations.Add("reservation.start_time", "is required");
  if (!asked.has_end_time()) violations.Add("reservation.end_time", "is required");
  if (!asked.has_expire_time()) violations.Add("reservation.expire_time", "is required");
  const auto time = [&](const char* field, const google::protobuf::Timestamp& value) {
    return ReadTime(field, &value, absl::UnixEpoch(), violations);
  };
  read.window.start = time("reservation.start_time", asked.start_time());
  read.window.end = time("reservation.end_time", asked.end_time());
  read.expire_time = time("reservation.expire_time", asked.expire_time());
  if (asked.has_start_time() && asked.has_end_time() && read.window.end <= read.window.start) {
    violations.Add("reservation.end_time", "must be after start_time");
  }
  if (!asked.supersedes().empty()) {
    const ReservationName old =
        ReadReservationName("reservation.supersedes", asked.supersedes(), violations);
    if (old.project != read.name.project) {
      violations.Add("reservation.supersedes", "must be in the same project");
    } else if (old.id == read.name.id && !old.id.empty()) {
      violations.Add("reservation.supersedes", "must not be the reservation itself");
    }
    read.supersedes = old.id;
  }
  read.fingerprint = Fingerprint(read);
  return read;
}

absl::Status CheckTimes(const Reservation& asked, absl::Time now) {
  Violations violations;
  if (asked.window.end <= now) violations.Add("reservation.end_time", "must be in the future");
  if (asked.expire_time <= now) violations.Add("reservation.expire_time", "must be in the future");
  return violations.ToStatus();
}

v1::Reservation ToProto(const Reservation& reservation, absl::Time now) {
  v1::Reservation answer;
  answer.set_name(reservation.name.ToString());
  answer.set_state(ToProto(reservation.StateAt(now)));
  for (const auto& [metric, value] : reservation.amounts) {
    if (value == 0) continue;
    v1::Amount* amount = answer.add_amounts();
    amount->set_metric(metric);
    amount->set_value(value);
  }
  answer.set_user(reservation.user);
  answer.set_holder(reservation.holder);
  *answer.mutable_start_time() = ToProto(reservation.window.start);
  *answer.mutable_end_time() = ToProto(reservation.window.end);
  *answer.mutable_expire_time() = ToProto(reservation.expire_time);
  if (!reservation.supersedes.empty()) {
    answer.set_supersedes(
        ReservationName{reservation.name.project, reservation.supersedes}.ToString());
  }
  answer.set_over_reserved(reservation.over_reserved);
  *answer.mutable_create_time() = ToProto(reservation.create_time);
  const bool lapsed = reservation.StateAt(now) != reservation.state;
  *answer.mutable_update_time() =
      ToProto(lapsed ? reservation.expire_time : reservation.update_time);
  return answer;
}

v1::Reservation FirstAnswer(const Reservation& reservation) {
  Reservation first = reservation;
  first.state = ReservationState::kPending;
  first.over_reserved = false;
  first.update_time = reservation.create_time;
  first.amounts = reservation.reserved;
  return ToProto(first, first.create_time);
}

v1::Shortfall ToProto(const Level& level, int64_t requested, const Shortage& shortage) {
  v1::Shortfall answer;
  answer.set_metric(level.metric);
  answer.set_level(level.user.empty() ? "project" : "user");
  answer.set_requested(requested);
  answer.set_limit(shortage.limit);
  answer.set_used(shortage.used);
  *answer.mutable_at() = ToProto(shortage.at);
  if (shortage.fits_from) *answer.mutable_fits_from() = ToProto(*shortage.fits_from);
  return answer;
}

absl::Status QuotaExceeded(const std::string& project, const std::string& user,
                           const v1::CheckFitResponse& fit) {
  google::rpc::QuotaFailure failure;
  std::vector<std::string> sentences;
  for (const v1::Shortfall& shortfall : fit.shortfalls()) {
    google::rpc::QuotaFailure::Violation* violation = failure.add_violations();
    violation->set_subject(
        absl::StrCat("projects/", project, "/quota/limits/", shortfall.metric(),
                     shortfall.level() == "user" ? absl::StrCat(":", user) : ""));
    violation->set_description(sentences.emplace_back(Sentence(shortfall, user)));
  }
  const v1::Shortfall& first = fit.shortfalls(0);
  absl::Status status =
      Error(v1::QUOTA_EXCEEDED, absl::StrCat("not enough quota: ", absl::StrJoin(sentences, "; ")),
            {{"metric", first.metric()},
             {"level", first.level()},
             {"requested", absl::StrCat(first.requested())},
             {"limit", absl::StrCat(first.limit())},
             {"used", absl::StrCat(first.used())},
             {"fits_from", first.has_fits_from() ? Text(FromProto(first.fits_from())) : "never"}});
  AttachDetail(status, failure);
  AttachDetail(status, fit);
  return status;
}

}  // namespace stackyard::quota
