#include "common/probes.h"

#include <soci/soci.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/blob_store.h"
#include "common/channel.h"
#include "common/grpc_status.h"
#include "common/log.h"
#include "common/proto_time.h"
#include "common/sql.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace stackyard {
namespace {

constexpr absl::Duration kRemembered = absl::Seconds(1);
// Told while a newer answer is on its way.
constexpr absl::Duration kOld = absl::Seconds(5);
constexpr absl::Duration kHealthTimeout = absl::Seconds(1);

constexpr char kLate[] = "does not answer in time";

// What may be told to anybody.
std::string Words(const absl::Status& status) {
  if (absl::IsDeadlineExceeded(status)) return kLate;
  if (absl::IsUnavailable(status)) return "does not answer";
  return absl::StrCat("answers with ", absl::StatusCodeToString(status.code()));
}

}  // namespace

Probes::~Probes() {
  for (Slot& slot : slots_) slot.loop->Stop();
}

void Probes::Add(std::string name, Probe probe) {
  Slot& slot = slots_.emplace_back();
  slot.answer.set_name(name);
  slot.name = std::move(name);
  slot.probe = std::move(probe);
  slot.loop = std::make_unique<Loop>("probe", [this, &slot] { return Run(slot); });
}

void Probes::AddCheck(std::string name, std::function<absl::Status()> check) {
  Add(std::move(name), [check = std::move(check)]() -> absl::StatusOr<Finding> {
    if (absl::Status status = check(); !status.ok()) return status;
    return Finding{};
  });
}

absl::Duration Probes::Run(Slot& slot) {
  {
    absl::MutexLock lock(&mutex_);
    if (!slot.running) return absl::InfiniteDuration();
  }
  const absl::Time began = absl::Now();
  absl::StatusOr<Finding> found = slot.probe();
  const absl::Time ended = absl::Now();

  v1::Dependency answer;
  answer.set_name(slot.name);
  answer.set_ok(found.ok());
  *answer.mutable_latency() = ToProto(ended - began);
  if (found.ok()) {
    answer.set_version(found->version);
    answer.set_instance(found->instance);
    for (v1::Dependency& dependency : found->dependencies) {
      dependency.set_name(absl::StrCat(slot.name, "/", dependency.name()));
    }
  } else {
    answer.set_error(Words(found.status()));
  }

  absl::MutexLock lock(&mutex_);
  const bool first = slot.answered == absl::InfinitePast();
  if (!found.ok() && (first || slot.answer.ok())) {
    LogWarning("a dependency does not answer",
               {{"dependency", slot.name}, {"error", found.status().ToString()}});
  }
  if (found.ok() && !first && !slot.answer.ok()) {
    LogInfo("a dependency answers again", {{"dependency", slot.name}});
  }
  slot.answer = std::move(answer);
  slot.further = found.ok() ? std::move(found->dependencies) : std::vector<v1::Dependency>();
  slot.answered = ended;
  slot.running = false;
  return absl::InfiniteDuration();
}

bool Probes::Fresh(const Slot& slot, absl::Time now) { return now - slot.answered < kOld; }

std::vector<v1::Dependency> Probes::Ask() {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = absl::Now();
  std::vector<const Slot*> awaited;
  absl::Time until = absl::InfinitePast();
  for (Slot& slot : slots_) {
    if (!slot.running && now - slot.answered < kRemembered) continue;
    if (slot.running && Fresh(slot, now)) continue;
    if (!slot.running) {
      slot.running = true;
      slot.began = now;
      slot.loop->Wake();
    }
    until = std::max(until, slot.began + patience_);
    awaited.push_back(&slot);
  }
  const auto answered = [&] {
    return std::none_of(awaited.begin(), awaited.end(),
                        [](const Slot* slot) { return slot->running; });
  };
  mutex_.AwaitWithDeadline(absl::Condition(&answered), until);

  std::vector<v1::Dependency> answers;
  for (const Slot& slot : slots_) {
    const bool late = slot.running && !Fresh(slot, absl::Now());
    answers.push_back(slot.answer);
    if (late) {
      answers.back().Clear();
      answers.back().set_name(slot.name);
      answers.back().set_error(kLate);
      continue;
    }
    answers.insert(answers.end(), slot.further.begin(), slot.further.end());
  }
  return answers;
}

std::function<absl::Status()> DatabaseCheck(Database& database) {
  return [&database] {
    return database.Read([](soci::session& sql) {
      int one = 0;
      sql << "SELECT 1", soci::into(one);
      return absl::OkStatus();
    });
  };
}

std::function<absl::Status()> BlobStoreCheck(BlobStore& blobs) {
  return [&blobs] {
    // Nothing has this digest: who says so has looked.
    const absl::Status status = blobs.Get(std::string(64, '0')).status();
    return absl::IsNotFound(status) ? absl::OkStatus() : status;
  };
}

std::function<absl::Status()> HealthCheck(const std::shared_ptr<grpc::Channel>& channel) {
  const std::shared_ptr<grpc::health::v1::Health::Stub> stub =
      grpc::health::v1::Health::NewStub(channel);
  return [stub] {
    grpc::ClientContext context;
    Prepare(context, kHealthTimeout);
    // Who is away is told at once.
    context.set_wait_for_ready(false);
    grpc::health::v1::HealthCheckResponse answer;
    const absl::Status status = FromGrpc(stub->Check(&context, {}, &answer));
    if (!status.ok()) return status;
    if (answer.status() == grpc::health::v1::HealthCheckResponse::SERVING) return absl::OkStatus();
    return absl::UnavailableError("it does not serve");
  };
}

}  // namespace stackyard
