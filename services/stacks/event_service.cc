#include "services/stacks/event_service.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/handler.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/listing.h"

namespace stackyard::stacks {

using grpc::ServerContext;
using v1::Event;

grpc::Status EventRpc::GetEvent(ServerContext* context, const v1::GetEventRequest* request,
                                Event* response) {
  return Handle(context, response, [&](const Principal&) { return Get(*request); });
}

grpc::Status EventRpc::ListEvents(ServerContext* context, const v1::ListEventsRequest* request,
                                  v1::ListEventsResponse* response) {
  return Handle(context, response, [&](const Principal&) { return List(*request); });
}

grpc::Status EventRpc::VerifyEvents(ServerContext* context, const v1::VerifyEventsRequest* request,
                                    v1::VerifyEventsResponse* response) {
  return Handle(context, response, [&](const Principal&) { return Verify(*request); });
}

absl::StatusOr<Event> EventRpc::Get(const v1::GetEventRequest& request) {
  ASSIGN_OR_RETURN(const auto parts, ParseName("name", request.name(), "projects/*/events/*"));
  int64_t sequence = 0;
  if (!absl::SimpleAtoi(parts[1], &sequence)) {
    return InvalidField("name", "must end in the sequence of an event");
  }
  return store_.ReadValue<Event>(
      [&](soci::session& sql) { return FindEvent(sql, parts[0], sequence); });
}

absl::StatusOr<v1::ListEventsResponse> EventRpc::List(const v1::ListEventsRequest& request) {
  ASSIGN_OR_RETURN(const auto parts, ParseName("parent", request.parent(), "projects/*"));
  if (parts[0] == "-")
    return InvalidField("parent", "must name one project: events have one chain each");
  const bool oldest_first = request.order_by() == "sequence";
  ASSIGN_OR_RETURN(const Listing listing,
                   ReadListing<Event>(request, absl::StrCat(request.parent(), oldest_first),
                                      oldest_first ? "" : request.order_by(), "sequence desc"));
  return store_.ReadValue<v1::ListEventsResponse>(
      [&](soci::session& sql) -> absl::StatusOr<v1::ListEventsResponse> {
        ASSIGN_OR_RETURN(auto rows, stacks::ListEvents(sql, parts[0], listing.page, oldest_first,
                                                       [&](const Event& event) {
                                                         return listing.filter.Matches(event);
                                                       }));
        v1::ListEventsResponse response;
        response.mutable_events()->Assign(rows.items.begin(), rows.items.end());
        response.set_next_page_token(listing.Token(rows.next));
        return response;
      });
}

absl::StatusOr<v1::VerifyEventsResponse> EventRpc::Verify(const v1::VerifyEventsRequest& request) {
  ASSIGN_OR_RETURN(const auto parts, ParseName("parent", request.parent(), "projects/*"));
  return store_.ReadValue<v1::VerifyEventsResponse>(
      [&](soci::session& sql) { return stacks::VerifyEvents(sql, parts[0]); });
}

absl::StatusOr<News<v1::WatchProjectResponse>> EventRpc::ReadBehind(const std::string& project,
                                                                    const std::string& token) {
  Page page;
  page.size = 1000;
  page.after = token;
  return store_.ReadValue<News<v1::WatchProjectResponse>>(
      [&](soci::session& sql) -> absl::StatusOr<News<v1::WatchProjectResponse>> {
        ASSIGN_OR_RETURN(const auto rows, stacks::ListEvents(sql, project, page, true,
                                                             [](const Event&) { return true; }));
        News<v1::WatchProjectResponse> news;
        news.more = !rows.next.empty();
        for (const Event& event : rows.items) {
          auto& message = news.messages.emplace_back();
          *message.mutable_event() = event;
          message.set_resume_token(absl::StrCat(event.sequence()));
        }
        return news;
      });
}

grpc::ServerWriteReactor<v1::WatchProjectResponse>* EventRpc::WatchProject(
    grpc::CallbackServerContext* context, const v1::WatchProjectRequest* request) {
  const auto parts = ParseName("parent", request->parent(), "projects/*");
  if (!parts.ok()) return Refuse<v1::WatchProjectResponse>(parts.status());
  const std::string project = (*parts)[0];
  std::string after = request->resume_token();
  int64_t sequence = 0;
  if (!after.empty() && !absl::SimpleAtoi(after, &sequence)) {
    return Refuse<v1::WatchProjectResponse>(
        InvalidField("resume_token", "is not one that this stream gave out"));
  }
  if (after.empty()) {
    const absl::Status status = store_.Read([&](soci::session& sql) {
      after = absl::StrCat(LastSequence(sql, project));
      return absl::OkStatus();
    });
    if (!status.ok()) return Refuse<v1::WatchProjectResponse>(status);
  }
  return new WatchStream<v1::WatchProjectResponse>(
      hub_, request->parent(),
      [this, project, after]() mutable -> absl::StatusOr<News<v1::WatchProjectResponse>> {
        ASSIGN_OR_RETURN(auto news, reads_.Read(absl::StrCat(project, "/", after),
                                                [&] { return ReadBehind(project, after); }));
        if (!news.messages.empty()) after = news.messages.back().resume_token();
        return news;
      });
}

}  // namespace stackyard::stacks
