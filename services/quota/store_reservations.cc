#include "absl/strings/str_cat.h"
#include "services/quota/query.h"
#include "services/quota/store.h"
#include "services/quota/store_sql.h"

namespace stackyard::quota {
namespace {

// Rows of `from`, a table or a parenthesised SELECT, each as often as it has amounts.
std::string SelectWithHolds(std::string_view from, std::string_view order) {
  return absl::StrCat(
      "SELECT r.project, r.id, r.state, r.usr, r.holder, r.start_time, r.end_time, "
      "r.expire_time, r.supersedes, r.over_reserved, r.expired, r.fingerprint, r.create_time, "
      "r.update_time, COALESCE(h.metric, ''), COALESCE(h.reserved, 0), COALESCE(h.amount, 0), "
      "COALESCE(h.admitted, 0) FROM ",
      std::string(from),
      " r LEFT JOIN holds h ON h.project = r.project AND h.reservation = r.id ORDER BY ",
      std::string(order));
}

constexpr char kByName[] = "r.project, r.id";

// A row's own state does not tell that its time is up.
constexpr char kHeld[] = "(state <> 3 AND (state = 2 OR expire_time > :now))";

}  // namespace

std::vector<Reservation> Tx::SelectReservations(Query& query) {
  Reservation row;
  int state = 0, over_reserved = 0, expired = 0;
  int64_t start = 0, end = 0, expire = 0, create = 0, update = 0;
  std::string metric;
  int64_t reserved = 0, amount = 0, admitted = 0;
  query.Into(row.name.project).Into(row.name.id).Into(state).Into(row.user).Into(row.holder);
  query.Into(start).Into(end).Into(expire).Into(row.supersedes).Into(over_reserved);
  query.Into(expired).Into(row.fingerprint).Into(create).Into(update);
  query.Into(metric).Into(reserved).Into(amount).Into(admitted);

  std::vector<Reservation> reservations;
  while (query.Next()) {
    if (reservations.empty() || reservations.back().name.id != row.name.id ||
        reservations.back().name.project != row.name.project) {
      row.state = static_cast<ReservationState>(state);
      row.window = {FromMicros(start), FromMicros(end)};
      row.expire_time = FromMicros(expire);
      row.over_reserved = over_reserved != 0;
      row.expired = expired != 0;
      row.create_time = FromMicros(create);
      row.update_time = FromMicros(update);
      reservations.push_back(row);
    }
    if (metric.empty()) continue;
    Reservation& last = reservations.back();
    last.reserved[metric] = reserved;
    last.amounts[metric] = amount;
    last.admitted[metric] = admitted;
  }
  return reservations;
}

void Tx::LockReservation(const ReservationName& name) {
  std::string id;
  Query query(sql_, absl::StrCat("SELECT id FROM reservations WHERE project = :project "
                                 "AND id = :id",
                                 std::string(database_.ForUpdate())));
  query.Use("project", name.project).Use("id", name.id).Into(id);
  query.Any();
}

std::optional<Reservation> Tx::FindReservation(const ReservationName& name) {
  Query query(sql_,
              SelectWithHolds("(SELECT * FROM reservations WHERE project = :project AND id = :id)",
                              kByName));
  query.Use("project", name.project).Use("id", name.id);
  std::vector<Reservation> found = SelectReservations(query);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

bool Tx::InsertReservation(const Reservation& reservation) {
  std::string inserted;
  Query query(sql_,
              "INSERT INTO reservations (project, id, state, usr, holder, start_time, end_time, "
              "expire_time, supersedes, over_reserved, expired, fingerprint, create_time, "
              "update_time) VALUES (:project, :id, :state, :usr, :holder, :start_time, "
              ":end_time, :expire_time, :supersedes, :over_reserved, :expired, :fingerprint, "
              ":create_time, :update_time) ON CONFLICT DO NOTHING RETURNING id");
  query.Use("project", reservation.name.project)
      .Use("id", reservation.name.id)
      .Use("state", static_cast<int>(reservation.state))
      .Use("usr", reservation.user)
      .Use("holder", reservation.holder)
      .Use("start_time", reservation.window.start)
      .Use("end_time", reservation.window.end)
      .Use("expire_time", reservation.expire_time)
      .Use("supersedes", reservation.supersedes)
      .Use("over_reserved", reservation.over_reserved)
      .Use("expired", reservation.expired)
      .Use("fingerprint", reservation.fingerprint)
      .Use("create_time", reservation.create_time)
      .Use("update_time", reservation.update_time)
      .Into(inserted);
  if (!query.Any()) return false;
  PutHolds(reservation);
  return true;
}

void Tx::PutHolds(const Reservation& reservation) {
  for (const auto& [metric, amount] : reservation.amounts) {
    Query(sql_,
          "INSERT INTO holds (project, reservation, metric, reserved, amount, admitted) "
          "VALUES (:project, :reservation, :metric, :reserved, :amount, :admitted) "
          "ON CONFLICT (project, reservation, metric) "
          "DO UPDATE SET amount = excluded.amount, admitted = excluded.admitted")
        .Use("project", reservation.name.project)
        .Use("reservation", reservation.name.id)
        .Use("metric", metric)
        .Use("reserved", AmountOf(reservation.reserved, metric))
        .Use("amount", amount)
        .Use("admitted", AmountOf(reservation.admitted, metric))
        .Run();
  }
}

void Tx::UpdateReservation(const Reservation& reservation) {
  Query(sql_,
        "UPDATE reservations SET state = :state, over_reserved = :over_reserved, "
        "expired = :expired, update_time = :update_time WHERE project = :project AND id = :id")
      .Use("state", static_cast<int>(reservation.state))
      .Use("over_reserved", reservation.over_reserved)
      .Use("expired", reservation.expired)
      .Use("update_time", reservation.update_time)
      .Use("project", reservation.name.project)
      .Use("id", reservation.name.id)
      .Run();
  PutHolds(reservation);
}

std::string Tx::KeyOf(const Reservation& reservation) {
  return AgeKey{reservation.create_time, reservation.name.project, reservation.name.id}.ToString();
}

std::vector<Reservation> Tx::ListReservations(const Listing& listing) {
  const std::string page =
      absl::StrCat("(SELECT * FROM reservations WHERE ", ProjectFilter(listing), kNewestFirst, ")");
  Query query(sql_, SelectWithHolds(page, "r.create_time DESC, r.project DESC, r.id DESC"));
  UseProjects(query, listing);
  UseAge(query, AgeKey::Parse(listing.after)).Use("size", listing.size);
  return SelectReservations(query);
}

std::vector<Reservation> Tx::ListHeld(absl::Time now, std::string_view after, int size) {
  const NameKey key = NameKey::Parse(after);
  Query query(sql_, SelectWithHolds(absl::StrCat("(SELECT * FROM reservations WHERE ", kHeld,
                                                 " AND (project, id) > (:project, :id) "
                                                 "ORDER BY project, id LIMIT :size)"),
                                    kByName));
  query.Use("now", now).Use("project", key.project).Use("id", key.id).Use("size", size);
  return SelectReservations(query);
}

std::vector<Reservation> Tx::HeldBetween(const std::string& project, absl::Time from,
                                         absl::Time now) {
  Query query(sql_, SelectWithHolds(absl::StrCat("(SELECT * FROM reservations WHERE "
                                                 "project = :project AND end_time > :after AND ",
                                                 kHeld, ")"),
                                    kByName));
  query.Use("project", project).Use("after", from).Use("now", now);
  return SelectReservations(query);
}

std::string Tx::PendingSuccessor(const ReservationName& name, absl::Time now) {
  std::string id;
  Query query(sql_,
              "SELECT id FROM reservations WHERE project = :project AND supersedes = :id "
              "AND state = 1 AND expire_time > :now");
  query.Use("project", name.project).Use("id", name.id).Use("now", now).Into(id);
  return query.Any() ? id : "";
}

int64_t Tx::MarkExpired(absl::Time now) {
  return Query(sql_,
               "UPDATE reservations SET state = 3, expired = 1, update_time = expire_time "
               "WHERE state = 1 AND expire_time <= :now")
      .Use("now", now)
      .Run();
}

}  // namespace stackyard::quota
