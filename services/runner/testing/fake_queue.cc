#include "services/runner/testing/fake_queue.h"

#include <gtest/gtest.h>

#include <chrono>

#include "common/grpc_status.h"
#include "common/id.h"
#include "common/proto_time.h"
#include "common/status.h"

namespace stackyard::runner {

using namespace internal::v1;  // NOLINT: as in the code under test.

namespace {

constexpr absl::Duration kPatience = absl::Minutes(3);

}  // namespace

FakeQueue::FakeQueue(std::string listen) : listen_(std::move(listen)) { Serve(); }

FakeQueue::~FakeQueue() { StopServing(); }

void FakeQueue::Serve() {
  {
    absl::MutexLock lock(&mutex_);
    serving_ = true;
  }
  ServerOptions options;
  options.service = "fake-queue";
  options.listen = target_.empty() ? listen_ : target_;
  options.drain = absl::ZeroDuration();
  auto server = Server::Start(options, {this}, [this] {
    absl::MutexLock lock(&mutex_);
    serving_ = false;
  });
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  target_ = server_->target();
}

void FakeQueue::StopServing() { server_.reset(); }

void FakeQueue::Push(Assignment assignment) {
  absl::MutexLock lock(&mutex_);
  waiting_.push_back(std::move(assignment));
}

std::string FakeQueue::AddBlob(std::string content) {
  const std::string digest = Sha256Hex(content);
  absl::MutexLock lock(&mutex_);
  blobs_[digest] = std::move(content);
  return digest;
}

std::string FakeQueue::Blob(const std::string& digest) {
  absl::MutexLock lock(&mutex_);
  return blobs_[digest];
}

bool FakeQueue::HasBlob(const std::string& digest) {
  absl::MutexLock lock(&mutex_);
  return blobs_.count(digest) > 0;
}

int FakeQueue::reads_of(const std::string& digest) {
  absl::MutexLock lock(&mutex_);
  return reads_[digest];
}

int FakeQueue::refused() const {
  absl::MutexLock lock(&mutex_);
  return refused_;
}

void FakeQueue::Cancel(const std::string& run, bool kill) {
  absl::MutexLock lock(&mutex_);
  cancelled_[run] = kill;
}

void FakeQueue::WaitCancelSeen(const std::string& run) {
  absl::MutexLock lock(&mutex_);
  // The second heartbeat is sent after the answer to the first was worked on.
  const auto seen = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return told_[run] >= 2; };
  ASSERT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&seen), kPatience));
}

void FakeQueue::HoldReads(bool hold) {
  absl::MutexLock lock(&mutex_);
  hold_reads_ = hold;
}

void FakeQueue::Steal(const std::string& run, bool tell_by_heartbeat) {
  absl::MutexLock lock(&mutex_);
  stolen_[run] = tell_by_heartbeat;
}

CompleteRunRequest FakeQueue::WaitCompleted(const std::string& run) {
  WaitFor(run, [](const RecordedRun& recorded) { return recorded.completion.has_value(); });
  return Recorded(run).completion.value_or(CompleteRunRequest());
}

void FakeQueue::WaitFor(const std::string& run,
                        const std::function<bool(const RecordedRun&)>& done) {
  absl::MutexLock lock(&mutex_);
  const auto ready = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    const auto found = runs_.find(run);
    return found != runs_.end() && done(found->second);
  };
  ASSERT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&ready), kPatience))
      << "waited in vain for " << run << "; log:\n"
      << runs_[run].log;
}

void FakeQueue::WaitPolling() {
  absl::MutexLock lock(&mutex_);
  const int before = polls_;
  const auto polling = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return polls_ > before; };
  ASSERT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&polling), kPatience));
}

RecordedRun FakeQueue::Recorded(const std::string& run) {
  absl::MutexLock lock(&mutex_);
  return runs_[run];
}

std::string FakeQueue::Everything(const std::string& run) {
  const RecordedRun recorded = Recorded(run);
  std::string text = recorded.log;
  for (const v1::RunEvent& event : recorded.events) text += event.DebugString();
  if (recorded.completion) {
    text += recorded.completion->DebugString();
    // Details of the status are packed.
    text += recorded.completion->SerializeAsString();
  }
  return text;
}

absl::Status FakeQueue::Check(const Lease& lease) {
  if (lease.run().empty()) return InvalidField("lease.run", "is required");
  if (stolen_.count(lease.run()) == 0) return absl::OkStatus();
  ++refused_;
  return Error(v1::GENERATION_STALE, "the run was taken over");
}

grpc::Status FakeQueue::AcquireRuns(grpc::ServerContext* context, const AcquireRunsRequest* request,
                                    AcquireRunsResponse* response) {
  if (request->free_slots() < 1) return ToGrpc(InvalidField("free_slots", "must be 1 or more"));
  const absl::Time end = absl::Now() + FromProto(request->timeout());
  absl::MutexLock lock(&mutex_);
  ++polls_;
  const auto something = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return !waiting_.empty() || !serving_;
  };
  // In slices, to notice a client that has gone.
  while (!mutex_.AwaitWithTimeout(absl::Condition(&something), absl::Milliseconds(20))) {
    if (context->IsCancelled() || absl::Now() > end) return grpc::Status::OK;
  }
  if (context->IsCancelled()) return grpc::Status::CANCELLED;
  for (int i = 0; i < request->free_slots() && !waiting_.empty(); ++i) {
    *response->add_assignments() = std::move(waiting_.front());
    waiting_.pop_front();
  }
  return grpc::Status::OK;
}

grpc::Status FakeQueue::Heartbeat(grpc::ServerContext*, const HeartbeatRequest* request,
                                  HeartbeatResponse* response) {
  absl::MutexLock lock(&mutex_);
  for (const Lease& lease : request->leases()) {
    if (const auto found = cancelled_.find(lease.run()); found != cancelled_.end()) {
      auto& cancellation = *response->add_cancellations();
      *cancellation.mutable_lease() = lease;
      cancellation.set_kill(found->second);
      ++told_[lease.run()];
    }
    const auto stolen = stolen_.find(lease.run());
    if (stolen != stolen_.end() && stolen->second) *response->add_lost() = lease;
  }
  return grpc::Status::OK;
}

grpc::Status FakeQueue::ReportRun(grpc::ServerContext*, const ReportRunRequest* request,
                                  ReportRunResponse*) {
  absl::MutexLock lock(&mutex_);
  if (const absl::Status status = Check(request->lease()); !status.ok()) return ToGrpc(status);
  RecordedRun& run = runs_[request->lease().run()];
  for (const v1::RunEvent& event : request->events()) {
    const int64_t next = static_cast<int64_t>(run.events.size()) + 1;
    if (event.sequence() < next) continue;
    if (event.sequence() > next) return ToGrpc(InvalidField("events", "there is a gap"));
    run.events.push_back(event);
    run.log_before_event.push_back(run.log.size());
  }
  const int64_t size = static_cast<int64_t>(run.log.size());
  if (request->log_offset() > size) return ToGrpc(InvalidField("log_offset", "there is a gap"));
  const size_t known = static_cast<size_t>(size - request->log_offset());
  if (known < request->log().size()) run.log += request->log().substr(known);
  return grpc::Status::OK;
}

grpc::Status FakeQueue::SaveState(grpc::ServerContext*, const SaveStateRequest* request,
                                  SaveStateResponse*) {
  absl::MutexLock lock(&mutex_);
  if (const absl::Status status = Check(request->lease()); !status.ok()) return ToGrpc(status);
  RecordedRun& run = runs_[request->lease().run()];
  run.states.push_back(request->state());
  run.events_before_state.push_back(run.events.size());
  return grpc::Status::OK;
}

std::vector<internal::v1::SalvageStateRequest> FakeQueue::Salvaged() {
  absl::MutexLock lock(&mutex_);
  return salvaged_;
}

void FakeQueue::WaitSalvaged(size_t count) {
  absl::MutexLock lock(&mutex_);
  const auto done = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return salvaged_.size() >= count; };
  ASSERT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&done), kPatience));
}

grpc::Status FakeQueue::SalvageState(grpc::ServerContext*, const SalvageStateRequest* request,
                                     SalvageStateResponse* response) {
  absl::MutexLock lock(&mutex_);
  salvaged_.push_back(*request);
  response->set_accepted(true);
  return grpc::Status::OK;
}

grpc::Status FakeQueue::CompleteRun(grpc::ServerContext*, const CompleteRunRequest* request,
                                    CompleteRunResponse*) {
  absl::MutexLock lock(&mutex_);
  if (const absl::Status status = Check(request->lease()); !status.ok()) return ToGrpc(status);
  RecordedRun& run = runs_[request->lease().run()];
  run.completion = *request;
  ++run.completions;
  return grpc::Status::OK;
}

grpc::Status FakeQueue::ReadBlob(grpc::ServerContext*, const ReadBlobRequest* request,
                                 grpc::ServerWriter<ReadBlobResponse>* writer) {
  std::string content;
  {
    absl::MutexLock lock(&mutex_);
    ++reads_[request->digest()];
    const auto released = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
      return !hold_reads_ || !serving_;
    };
    mutex_.Await(absl::Condition(&released));
    const auto found = blobs_.find(request->digest());
    if (found == blobs_.end()) return ToGrpc(NotFound(request->digest()));
    content = found->second;
  }
  // Small pieces, so that the client must put them together.
  for (size_t at = 0; at < content.size(); at += 1000) {
    ReadBlobResponse response;
    response.set_chunk(content.substr(at, 1000));
    writer->Write(response);
  }
  return grpc::Status::OK;
}

grpc::Status FakeQueue::WriteBlob(grpc::ServerContext*,
                                  grpc::ServerReader<WriteBlobRequest>* reader,
                                  WriteBlobResponse* response) {
  std::string content;
  WriteBlobRequest request;
  while (reader->Read(&request)) {
    if (request.chunk().size() > (1 << 20)) return ToGrpc(InvalidField("chunk", "is too long"));
    content += request.chunk();
  }
  response->set_digest(AddBlob(content));
  return grpc::Status::OK;
}

}  // namespace stackyard::runner
