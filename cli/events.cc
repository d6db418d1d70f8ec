#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/names.h"
#include "cli/reconnect.h"
#include "cli/text.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "stackyard/v1/events.pb.h"

namespace stackyard::cli {
namespace {

std::vector<std::string> Row(const v1::Event& event) {
  std::string message = event.message();
  if (!event.to_state().empty() && message.empty()) {
    message = absl::StrCat(event.from_state(), " -> ", event.to_state());
  }
  return {LastPart(event.name()),     TimeText(event.time()),  event.type(),
          LastPart(event.resource()), LastPart(event.actor()), Cut(message, 90)};
}

absl::Status List(Context& context, const std::string& filter, int64_t limit) {
  v1::ListEventsRequest request;
  request.set_parent(ProjectOrAll(context.project()));
  request.set_filter(filter);
  v1::ListEventsResponse response;
  RETURN_IF_ERROR(context.client().List("EventService/ListEvents", request, &response,
                                        static_cast<int>(limit)));
  return context.output().Write(response, [&] {
    Table table({"#", "TIME", "EVENT", "RESOURCE", "ACTOR", "MESSAGE"});
    // Newest last, where the reader's eye is.
    for (int i = response.events_size() - 1; i >= 0; --i) table.Add(Row(response.events(i)));
    context.output().Show(table);
  });
}

absl::Status Get(Context& context, const std::string& name) {
  v1::GetEventRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(),
                   FullName("projects/*/events/*", context.project(), name));
  return context.Show<v1::Event>("EventService/GetEvent", request, [&](const v1::Event& event) {
    Fields fields;
    fields.Add("Name", event.name());
    fields.Add("Type", event.type());
    fields.Add("Time", TimeText(event.time()));
    fields.Add("Resource", event.resource());
    fields.Add("Actor", event.actor());
    fields.Add("From", event.from_state());
    fields.Add("To", event.to_state());
    fields.Add("Message", event.message());
    google::protobuf::Value details;
    *details.mutable_struct_value() = event.details();
    fields.Add("Details", event.details().fields().empty() ? "" : ValueText(details));
    fields.Add("Request", event.request_id());
    fields.Add("Hash", event.hash());
    context.output().Show(fields);
  });
}

absl::Status Watch(Context& context, const std::string& token) {
  v1::WatchProjectRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), ProjectName(context.project()));
  request.set_resume_token(token);
  v1::WatchProjectResponse message;
  absl::Status written;
  const absl::Status status =
      FollowStream(context, "EventService/WatchProject", request, &message, [&] {
        request.set_resume_token(message.resume_token());
        written = context.output().Write(message.event(), [&] {
          const std::vector<std::string> row = Row(message.event());
          context.output().out() << row[1] << "  " << row[2] << "  " << row[3] << "  " << row[4]
                                 << "  " << row[5] << std::endl;
        });
        return written.ok();
      });
  return written.ok() ? status : written;
}

absl::Status Verify(Context& context) {
  v1::VerifyEventsRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), ProjectName(context.project()));
  v1::VerifyEventsResponse response;
  RETURN_IF_ERROR(
      context.client().Call("EventService/VerifyEvents", request, &response, absl::Minutes(5)));
  RETURN_IF_ERROR(context.output().Write(response, [&] {
    if (response.intact()) {
      context.output().out() << "All " << response.checked() << " events are as written.\n";
    }
  }));
  if (response.intact()) return absl::OkStatus();
  return AsOutcome(absl::DataLossError(
      absl::StrCat("event ", response.broken_sequence(), " is at fault: ", response.message())));
}

}  // namespace

void AddEventCommands(Command root, Context& context) {
  Command events = root.Sub("events", "What happened, in an order that nobody can change");
  const auto text = std::make_shared<std::string>();
  const auto limit = std::make_shared<int64_t>(50);
  events.Sub("list", "List the newest events")
      .Option("--filter", text.get(), "EXPRESSION", "AIP-160 filter")
      .Option("--limit", limit.get(), "COUNT", "How many; 0 for all [50]")
      .Run([&context, text, limit] { return List(context, *text, *limit); });
  events.Sub("get", "Show an event")
      .Argument("EVENT", text.get(), "Its number, or its name")
      .Run([&context, text] { return Get(context, *text); });
  events.Sub("watch", "Show events of a project as they happen")
      .Option("--resume", text.get(), "TOKEN", "Go on behind this resume token")
      .Run([&context, text] { return Watch(context, *text); });
  events.Sub("verify", "Check that no event was changed or removed").Run([&context] {
    return Verify(context);
  });
}

}  // namespace stackyard::cli
