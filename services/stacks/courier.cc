#include "services/stacks/courier.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/log.h"
#include "common/resource_name.h"
#include "common/status.h"
#include "services/stacks/channel_store.h"
#include "services/stacks/event_types.h"
#include "services/stacks/events.h"
#include "services/stacks/notice_store.h"
#include "services/stacks/row_secrets.h"

namespace stackyard::stacks {
namespace {

// How much longer a claim holds than a try may take.
constexpr absl::Duration kClaimMargin = absl::Seconds(5);
constexpr absl::Duration kLongestPause = absl::Hours(1);

// The same for every try: `web.17.ops`. Names of users and channels hold no dots to mix up, and
// what is no safe part of a header is left out.
std::string LetterId(const TaskRecord& task, const std::vector<std::string>& event) {
  const std::string& to = task.channel().empty() ? task.user() : task.channel();
  const std::string last = to.substr(to.rfind('/') + 1);
  return absl::StrCat(event[0], ".", event[1], ".", absl::StrReplaceAll(last, {{"@", "-at-"}}));
}

}  // namespace

absl::StatusOr<bool> Courier::RunOne() {
  // Most looks find nothing: no write for those.
  int64_t due = 0;
  const int64_t now = absl::ToUnixMicros(store_.Now());
  RETURN_IF_ERROR(store_.Read([&](soci::session& sql) {
    sql << "SELECT COUNT(*) FROM (SELECT 1 FROM tasks WHERE queue <> '' AND due <= :now "
           "AND lease_until <= :same LIMIT 1) found",
        soci::use(now), soci::use(now), soci::into(due);
    return absl::OkStatus();
  }));
  if (due == 0) return false;
  ASSIGN_OR_RETURN(const std::optional<DueTask> task,
                   store_.WriteValue<std::optional<DueTask>>(Actor(), [this](Change& change) {
                     return ClaimDelivery(change, change.now + options_.timeout + kClaimMargin);
                   }));
  if (!task) return false;
  DeliveryType type = DeliveryType::kUnknown;
  const absl::Status result = Deliver(task->record, type);
  RETURN_IF_ERROR(Settle(*task, type, result));
  return true;
}

absl::Status Courier::Deliver(const TaskRecord& task, DeliveryType& type) {
  if (task.channel().empty()) type = DeliveryType::kUser;
  ASSIGN_OR_RETURN(const auto parts, ParseName("event", task.event(), "projects/*/events/*"));
  int64_t sequence = 0;
  if (!absl::SimpleAtoi(parts[1], &sequence)) return absl::NotFoundError("no such event");
  Letter letter;
  letter.id = LetterId(task, parts);
  ChannelRecord record;
  NotificationSettingsRecord settings;
  RETURN_IF_ERROR(store_.Read([&](soci::session& sql) -> absl::Status {
    ASSIGN_OR_RETURN(letter.event, FindEvent(sql, parts[0], sequence));
    if (!task.channel().empty()) {
      ASSIGN_OR_RETURN(record, FindChannel(sql, task.channel()));
    } else {
      ASSIGN_OR_RETURN(settings, FindSettings(sql, task.user()));
    }
    return absl::OkStatus();
  }));
  RETURN_IF_ERROR(OpenSecrets(store_.sealer(), record));
  const absl::Time now = store_.Now();
  if (task.channel().empty()) {
    // They may have thought better of it.
    if (!settings.settings().email()) return absl::NotFoundError("no mail is wanted");
    return carrier_.ToMail({settings.address()}, letter, now);
  }
  if (record.uid() != task.channel_uid()) return absl::NotFoundError("the channel is another one");
  const v1::NotificationChannel& channel = record.channel();
  type = channel.has_webhook() ? DeliveryType::kWebhook : DeliveryType::kEmail;
  if (channel.disabled()) return absl::UnavailableError("the channel is disabled");
  if (channel.has_webhook()) return carrier_.ToWebhook(channel.webhook(), letter, now);
  return carrier_.ToMail({channel.email().to().begin(), channel.email().to().end()}, letter, now);
}

absl::Status Courier::Settle(const DueTask& task, DeliveryType type, const absl::Status& result) {
  const TaskRecord& record = task.record;
  const std::string& to = record.channel().empty() ? record.user() : record.channel();
  const bool gone = absl::IsNotFound(result);
  const bool given_up = !result.ok() && !gone && task.attempts >= options_.attempts;
  if (!result.ok() && !gone) {
    LogWarning(given_up ? "a delivery is given up" : "a delivery is put off",
               {{"to", to},
                {"event", record.event()},
                {"attempts", task.attempts},
                {"error", std::string(result.message())}});
  }
  const DeliveryResult outcome = gone          ? DeliveryResult::kDropped
                                 : given_up    ? DeliveryResult::kGivenUp
                                 : result.ok() ? DeliveryResult::kOk
                                               : DeliveryResult::kRetried;
  bool ours = false;
  RETURN_IF_ERROR(store_.Write(Actor(), [&](Change& change) -> absl::Status {
    ours = false;
    if (outcome == DeliveryResult::kRetried) {
      PostponeTask(change, task, change.now + Pause(task.attempts));
    } else if (!FinishTask(change, task)) {
      return absl::OkStatus();
    }
    ours = true;
    if (record.channel().empty() || gone) return absl::OkStatus();
    // Mail to somebody leaves no dead letter: the notice is in their inbox.
    if (given_up && FindChannel(change.sql, record.channel()).ok()) Bury(change, record);
    return SetLastError(change, record.channel(), std::string(result.message()));
  }));
  if (ours && counts_ != nullptr) counts_->Count(type, outcome);
  return absl::OkStatus();
}

absl::Duration Courier::Pause(int attempts) {
  const absl::Duration pause =
      std::min(options_.first_pause * (int64_t{1} << std::min(attempts - 1, 30)), kLongestPause);
  absl::MutexLock lock(&mutex_);
  return pause * absl::Uniform(random_, 0.5, 1.0);
}

void Courier::Serve() {
  Notifier& tasks = store_.signals().tasks;
  while (!tasks.closed()) {
    const int64_t seen = tasks.Count();
    const auto done = RunOne();
    if (!done.ok()) LogError("deliveries cannot be read", {{"error", done.status().ToString()}});
    // Those that are due later, and what other replicas left, show within this time.
    if (!done.ok() || !*done) tasks.Wait(seen, absl::Milliseconds(500));
  }
}

}  // namespace stackyard::stacks
