#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/quota/query.h"
#include "services/quota/rows.h"
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

const Columns kNameColumns = {"project", "id"};

template <typename Iterator>
void BindNames(Query& query, Iterator begin, Iterator end) {
  RowBinder row(query);
  for (; begin != end; ++begin) row.Use(begin->project).Use(begin->id);
}

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

std::optional<Reservation> Tx::FindReservation(const ReservationName& name) {
  Query query(sql_,
              SelectWithHolds("(SELECT * FROM reservations WHERE project = :project AND id = :id)",
                              kByName));
  query.Use("project", name.project).Use("id", name.id);
  std::vector<Reservation> found = SelectReservations(query);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<Reservation> Tx::FindReservations(const std::set<ReservationName>& names, bool lock) {
  std::vector<Reservation> found;
  InParts(names, RowsAtOnce(database_), [&](auto begin, auto end, size_t size) {
    const std::string asked = WithAsked(database_, kNameColumns, size);
    constexpr char kMatching[] =
        "FROM asked CROSS JOIN reservations r WHERE r.project = asked.project AND r.id = asked.id";
    // PostgreSQL locks no rows of an outer join.
    if (lock && !database_.is_sqlite()) {
      std::string id;
      Query query(sql_, absl::StrCat(asked, "SELECT r.id ", kMatching,
                                     " ORDER BY r.project, r.id FOR UPDATE OF r"));
      BindNames(query, begin, end);
      query.Into(id);
      if (!query.Any()) return;
    }
    Query query(
        sql_, absl::StrCat(asked,
                           SelectWithHolds(absl::StrCat("(SELECT r.* ", kMatching, ")"), kByName)));
    BindNames(query, begin, end);
    std::vector<Reservation> part = SelectReservations(query);
    found.insert(found.end(), std::make_move_iterator(part.begin()),
                 std::make_move_iterator(part.end()));
  });
  return found;
}

std::vector<ReservationName> Tx::FindSuccessors(const std::set<ReservationName>& names) {
  std::vector<ReservationName> found;
  InParts(names, RowsAtOnce(database_), [&](auto begin, auto end, size_t size) {
    ReservationName name;
    Query query(sql_, absl::StrCat(WithAsked(database_, kNameColumns, size),
                                   "SELECT r.project, r.id FROM asked CROSS JOIN reservations r "
                                   "WHERE r.state = 1 AND r.supersedes <> '' "
                                   "AND r.project = asked.project AND r.supersedes = asked.id"));
    BindNames(query, begin, end);
    query.Into(name.project).Into(name.id);
    while (query.Next()) found.push_back(name);
  });
  return found;
}

void Tx::InsertReservations(const std::vector<const Reservation*>& reservations) {
  PutReservations(reservations, "");
}

void Tx::UpdateReservations(const std::vector<const Reservation*>& reservations) {
  // There is a row for each, so nothing is inserted: one statement for any number of updates.
  PutReservations(reservations,
                  " ON CONFLICT (project, id) DO UPDATE SET state = excluded.state, "
                  "over_reserved = excluded.over_reserved, expired = excluded.expired, "
                  "update_time = excluded.update_time");
}

void Tx::PutReservations(const std::vector<const Reservation*>& reservations,
                         std::string_view on_conflict) {
  static const Columns kColumns = {
      "project",    "id",          "state",       "usr",        "holder",
      "start_time", "end_time",    "expire_time", "supersedes", "over_reserved",
      "expired",    "fingerprint", "create_time", "update_time"};
  InParts(reservations, RowsAtOnce(database_), [&](auto begin, auto end, size_t size) {
    Query query(
        sql_, absl::StrCat("INSERT INTO reservations (", absl::StrJoin(kColumns, ", "), ") VALUES ",
                           Placeholders(database_, kColumns, size), std::string(on_conflict)));
    RowBinder row(query);
    for (auto at = begin; at != end; ++at) {
      const Reservation& reservation = **at;
      row.Use(reservation.name.project)
          .Use(reservation.name.id)
          .Use(static_cast<int>(reservation.state))
          .Use(reservation.user)
          .Use(reservation.holder)
          .Use(reservation.window.start)
          .Use(reservation.window.end)
          .Use(reservation.expire_time)
          .Use(reservation.supersedes)
          .Use(reservation.over_reserved)
          .Use(reservation.expired)
          .Use(reservation.fingerprint)
          .Use(reservation.create_time)
          .Use(reservation.update_time);
    }
    query.Run();
  });
  PutHolds(reservations);
}

void Tx::PutHolds(const std::vector<const Reservation*>& reservations) {
  struct Hold {
    const Reservation* reservation;
    const std::string* metric;
    int64_t amount;
  };
  std::vector<Hold> holds;
  for (const Reservation* reservation : reservations) {
    for (const auto& [metric, amount] : reservation->amounts) {
      holds.push_back({reservation, &metric, amount});
    }
  }
  static const Columns kColumns = {"project",  "reservation", "metric",
                                   "reserved", "amount",      "admitted"};
  InParts(holds, RowsAtOnce(database_), [&](auto begin, auto end, size_t size) {
    Query query(sql_, absl::StrCat("INSERT INTO holds (", absl::StrJoin(kColumns, ", "),
                                   ") VALUES ", Placeholders(database_, kColumns, size),
                                   " ON CONFLICT (project, reservation, metric) DO UPDATE SET "
                                   "amount = excluded.amount, admitted = excluded.admitted"));
    RowBinder row(query);
    for (auto at = begin; at != end; ++at) {
      row.Use(at->reservation->name.project)
          .Use(at->reservation->name.id)
          .Use(*at->metric)
          .Use(AmountOf(at->reservation->reserved, *at->metric))
          .Use(at->amount)
          .Use(AmountOf(at->reservation->admitted, *at->metric));
    }
    query.Run();
  });
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

int64_t Tx::MarkExpired(absl::Time now) {
  constexpr char kExpired[] = "state = 1 AND expire_time <= :now";
  // What a decision has locked is left for the next time, so that neither waits for the other.
  const std::string which =
      database_.is_sqlite()
          ? kExpired
          : absl::StrCat("(project, id) IN (SELECT project, id FROM reservations WHERE ", kExpired,
                         std::string(database_.SkipLocked()), ")");
  return Query(sql_, absl::StrCat("UPDATE reservations SET state = 3, expired = 1, "
                                  "update_time = expire_time WHERE ",
                                  which))
      .Use("now", now)
      .Run();
}

}  // namespace stackyard::quota
