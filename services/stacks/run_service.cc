#include "services/stacks/run_service.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/handler.h"
#include "common/status.h"
#include "services/stacks/run_log.h"

namespace stackyard::stacks {

using grpc::ServerContext;

grpc::Status RunRpc::GetRun(ServerContext* context, const v1::GetRunRequest* request,
                            v1::Run* response) {
  return Handle(context, response, [&](const Principal&) { return runs_.Get(*request); });
}

grpc::Status RunRpc::ListRuns(ServerContext* context, const v1::ListRunsRequest* request,
                              v1::ListRunsResponse* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return runs_.List(caller, *request); });
}

grpc::Status RunRpc::CancelRun(ServerContext* context, const v1::CancelRunRequest* request,
                               v1::Run* response) {
  return Handle(context, response,
                [&](const Principal& caller) { return runs_.Cancel(caller, *request); });
}

grpc::Status RunRpc::ListRunEvents(ServerContext* context, const v1::ListRunEventsRequest* request,
                                   v1::ListRunEventsResponse* response) {
  return Handle(context, response, [&](const Principal&) { return runs_.ListEvents(*request); });
}

grpc::Status RunRpc::ReadLog(ServerContext* context, const v1::ReadLogRequest* request,
                             v1::ReadLogResponse* response) {
  return Handle(context, response, [&](const Principal&) { return runs_.ReadLog(*request); });
}

grpc::ServerWriteReactor<v1::WatchRunResponse>* RunRpc::WatchRun(
    grpc::CallbackServerContext* context, const v1::WatchRunRequest* request) {
  const auto name = RunName::Parse("name", request->name());
  if (!name.ok()) return Refuse<v1::WatchRunResponse>(name.status());
  int64_t sequence = 0;
  if (!request->resume_token().empty() && !absl::SimpleAtoi(request->resume_token(), &sequence)) {
    return Refuse<v1::WatchRunResponse>(
        InvalidField("resume_token", "is not one that this stream gave out"));
  }
  return new WatchStream<v1::WatchRunResponse>(
      hub_, name->ToString(),
      [this, name = *name,
       after = request->resume_token()]() mutable -> absl::StatusOr<News<v1::WatchRunResponse>> {
        return store_.ReadValue<News<v1::WatchRunResponse>>(
            [&](soci::session& sql) -> absl::StatusOr<News<v1::WatchRunResponse>> {
              ASSIGN_OR_RETURN(const RunRecord record, FindRun(sql, name));
              Page page;
              page.size = 1000;
              page.after = after;
              ASSIGN_OR_RETURN(const auto rows, stacks::ListRunEvents(sql, name.ToString(), page));
              News<v1::WatchRunResponse> news;
              for (const v1::RunEvent& event : rows.items) {
                auto& message = news.messages.emplace_back();
                *message.mutable_event() = event;
                after = absl::StrCat(event.sequence());
                message.set_resume_token(after);
              }
              news.more = !rows.next.empty();
              news.last = HasEnded(record.run()) && rows.next.empty();
              return news;
            });
      });
}

grpc::ServerWriteReactor<v1::TailLogResponse>* RunRpc::TailLog(grpc::CallbackServerContext* context,
                                                               const v1::TailLogRequest* request) {
  const auto name = RunName::Parse("name", request->name());
  if (!name.ok()) return Refuse<v1::TailLogResponse>(name.status());
  if (request->offset() < 0) {
    return Refuse<v1::TailLogResponse>(InvalidField("offset", "must be 0 or more"));
  }
  return new WatchStream<v1::TailLogResponse>(
      hub_, name->ToString(),
      [this, name = *name,
       offset = request->offset()]() mutable -> absl::StatusOr<News<v1::TailLogResponse>> {
        return store_.ReadValue<News<v1::TailLogResponse>>(
            [&](soci::session& sql) -> absl::StatusOr<News<v1::TailLogResponse>> {
              ASSIGN_OR_RETURN(const RunRecord record, FindRun(sql, name));
              News<v1::TailLogResponse> news;
              LogPart part = stacks::ReadLog(sql, name.ToString(), offset, 256 << 10);
              offset = part.next_offset;
              if (!part.text.empty()) {
                auto& message = news.messages.emplace_back();
                message.set_text(std::move(part.text));
                message.set_next_offset(offset);
              }
              news.more = !news.messages.empty() && offset < record.run().log_size();
              news.last = HasEnded(record.run()) && offset >= record.run().log_size();
              return news;
            });
      });
}

}  // namespace stackyard::stacks
