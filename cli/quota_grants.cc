#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/names.h"
#include "cli/text.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "google/protobuf/empty.pb.h"
#include "stackyard/v1/quota.pb.h"

namespace stackyard::cli {
namespace {

struct GrantFlags {
  std::string amount, id, user, from, until, time, reason;
};

absl::Status ListGrants(Context& context) {
  v1::ListQuotaGrantsRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), ProjectName(context.project()));
  v1::ListQuotaGrantsResponse response;
  RETURN_IF_ERROR(context.client().List("QuotaService/ListQuotaGrants", request, &response));
  return context.output().Write(response, [&] {
    Table table({"GRANT", "METRIC", "AMOUNT", "FOR", "FROM", "UNTIL", "REASON"});
    for (const v1::QuotaGrant& grant : response.quota_grants()) {
      table.Add({LastPart(grant.name()), grant.amount().metric(),
                 absl::StrCat(grant.amount().value()),
                 grant.user().empty() ? "project" : grant.user(), TimeText(grant.start_time()),
                 TimeText(grant.end_time()), Cut(grant.reason(), 50)});
    }
    context.output().Show(table);
  });
}

absl::Status CreateGrant(Context& context, const GrantFlags& flags) {
  v1::CreateQuotaGrantRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), ProjectName(context.project()));
  request.set_quota_grant_id(flags.id);
  v1::QuotaGrant& grant = *request.mutable_quota_grant();
  ASSIGN_OR_RETURN(*grant.mutable_amount(), ReadAmount("amount", flags.amount));
  grant.set_user(flags.user);
  grant.set_reason(flags.reason);
  absl::Time from = context.Now();
  if (!flags.from.empty()) {
    ASSIGN_OR_RETURN(from, ReadTime("from", flags.from));
  }
  absl::Time until;
  if (flags.until.empty() == flags.time.empty()) {
    return InvalidField("until", "give either --until or --for");
  }
  if (!flags.until.empty()) {
    ASSIGN_OR_RETURN(until, ReadTime("until", flags.until));
  } else {
    ASSIGN_OR_RETURN(const absl::Duration duration, ReadDuration("for", flags.time));
    until = from + duration;
  }
  *grant.mutable_start_time() = ToProto(from);
  *grant.mutable_end_time() = ToProto(until);
  return context.Show<v1::QuotaGrant>(
      "QuotaService/CreateQuotaGrant", request, [&](const v1::QuotaGrant& made) {
        context.output().out() << made.name() << " adds " << made.amount().value() << " "
                               << made.amount().metric() << " until " << TimeText(made.end_time())
                               << "\n";
      });
}

absl::Status GetGrant(Context& context, const std::string& name) {
  v1::GetQuotaGrantRequest request;
  ASSIGN_OR_RETURN(const std::string project, ProjectName(context.project()));
  request.set_name(absl::StrCat(project, "/quota/grants/", LastPart(name)));
  return context.Show<v1::QuotaGrant>(
      "QuotaService/GetQuotaGrant", request, [&](const v1::QuotaGrant& grant) {
        Fields fields;
        fields.Add("Name", grant.name());
        fields.Add("Adds", absl::StrCat(grant.amount().value(), " ", grant.amount().metric()));
        fields.Add("User", grant.user());
        fields.Add("From", TimeText(grant.start_time()));
        fields.Add("Until", TimeText(grant.end_time()));
        fields.Add("Reason", grant.reason());
        fields.Add("Request", grant.change_request());
        context.output().Show(fields);
      });
}

absl::Status DeleteGrant(Context& context, const std::string& name) {
  v1::DeleteQuotaGrantRequest request;
  ASSIGN_OR_RETURN(const std::string project, ProjectName(context.project()));
  request.set_name(absl::StrCat(project, "/quota/grants/", LastPart(name)));
  google::protobuf::Empty response;
  RETURN_IF_ERROR(context.client().Call("QuotaService/DeleteQuotaGrant", request, &response));
  context.Note(request.name() + " has ended");
  return absl::OkStatus();
}

absl::Status ListReservations(Context& context, const std::string& filter) {
  v1::ListReservationsRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), ProjectName(context.project()));
  request.set_filter(filter);
  v1::ListReservationsResponse response;
  RETURN_IF_ERROR(context.client().List("QuotaService/ListReservations", request, &response));
  return context.output().Write(response, [&] {
    Table table({"RESERVATION", "STATE", "AMOUNTS", "FOR", "USER", "UNTIL", "NOTE"});
    for (const v1::Reservation& reservation : response.reservations()) {
      table.Add({LastPart(reservation.name()), v1::Reservation::State_Name(reservation.state()),
                 AmountsText(reservation.amounts()), LastPart(reservation.holder()),
                 reservation.user(), TimeText(reservation.end_time()),
                 reservation.over_reserved() ? "more than reserved" : ""});
    }
    context.output().Show(table);
  });
}

absl::Status GetReservation(Context& context, const std::string& name) {
  v1::GetReservationRequest request;
  ASSIGN_OR_RETURN(const std::string project, ProjectName(context.project()));
  request.set_name(absl::StrCat(project, "/quota/reservations/", LastPart(name)));
  return context.Show<v1::Reservation>(
      "QuotaService/GetReservation", request, [&](const v1::Reservation& reservation) {
        Fields fields;
        fields.Add("Name", reservation.name());
        fields.Add("State", v1::Reservation::State_Name(reservation.state()));
        fields.Add("Amounts", AmountsText(reservation.amounts()));
        fields.Add("For", reservation.holder());
        fields.Add("User", reservation.user());
        fields.Add("From", TimeText(reservation.start_time()));
        fields.Add("Until", TimeText(reservation.end_time()));
        fields.Add("Expires",
                   reservation.has_expire_time() ? TimeText(reservation.expire_time()) : "");
        fields.Add("Note", reservation.over_reserved() ? "more than reserved" : "");
        context.output().Show(fields);
      });
}

}  // namespace

void AddQuotaGrantCommands(Command quota, Context& context) {
  Command grants = quota.Sub("grants", "Capacity added for a time");
  grants.Sub("list", "List grants, newest first").Run([&context] { return ListGrants(context); });
  const auto flags = std::make_shared<GrantFlags>();
  grants.Sub("create", "Add capacity for a time")
      .Argument("METRIC=AMOUNT", &flags->amount, "What is added")
      .Option("--for", &flags->time, "TIME", "How long, like 72h")
      .Option("--until", &flags->until, "TIME", "Until when, like 2026-01-31T09:00:00Z")
      .Option("--from", &flags->from, "TIME", "From when [now]")
      .Option("--user", &flags->user, "USER", "For this user's limit [the project's]")
      .Option("--id", &flags->id, "ID", "Last part of its name [made up]")
      .Option("--reason", &flags->reason, "TEXT", "Why")
      .Run([&context, flags] { return CreateGrant(context, *flags); });
  const auto name = std::make_shared<std::string>();
  grants.Sub("get", "Show a grant").Argument("GRANT", name.get(), "Grant").Run([&context, name] {
    return GetGrant(context, *name);
  });
  grants.Sub("delete", "End a grant now")
      .Argument("GRANT", name.get(), "Grant")
      .Run([&context, name] { return DeleteGrant(context, *name); });

  const auto filter = std::make_shared<std::string>();
  Command reservations = quota.Sub("reservations", "Who holds capacity");
  reservations.Sub("get", "Show a reservation")
      .Argument("RESERVATION", name.get(), "Reservation")
      .Run([&context, name] { return GetReservation(context, *name); });
  reservations.Sub("list", "List reservations, newest first")
      .Option("--filter", filter.get(), "EXPRESSION", "AIP-160 filter")
      .Run([&context, filter] { return ListReservations(context, *filter); });
}

}  // namespace stackyard::cli
