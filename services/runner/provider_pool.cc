#include "services/runner/provider_pool.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/log.h"
#include "common/status_macros.h"

namespace stackyard::runner {
namespace {

// A run that has just begun needs the processors more than the next one.
constexpr absl::Duration kQuiet = absl::Milliseconds(500);
// Longer than a start is allowed to take.
constexpr absl::Duration kStartPatience = absl::Seconds(70);
constexpr absl::Duration kAfterFailure = absl::Minutes(1);

}  // namespace

std::string_view Name(LeaseWay way) {
  switch (way) {
    case LeaseWay::kKept:
      return "kept";
    case LeaseWay::kWarm:
      return "warm";
    case LeaseWay::kOrdered:
      break;
  }
  return "ordered";
}

ProviderPool::ProviderPool(ProviderPoolOptions options, Workspace& workspace,
                           ProviderSchemaCache& schemas, ProviderMetrics& metrics,
                           const Clock& clock)
    : options_(std::move(options)),
      workspace_(workspace),
      schemas_(schemas),
      metrics_(metrics),
      clock_(clock) {
  loop_ = std::make_unique<Loop>("provider-pool", [this] { return Tend(); });
}

ProviderPool::~ProviderPool() { Close(); }

void ProviderPool::Close() {
  Slots ended;
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    ended.swap(waiting_);
    ShowCounts();
  }
  loop_->Stop();
}

Environment ProviderPool::BlankEnvironment(const ProviderBinary& binary) const {
  return TakesAwsFiles(binary) ? ProcessEnvironment(options_.passed)
                               : BareEnvironment(options_.passed);
}

ProviderPool::Program& ProviderPool::ProgramOf(const ProviderBinary& binary) {
  Program& program = programs_[binary.identity];
  program.binary = binary;
  return program;
}

std::unique_ptr<ProviderSlot> ProviderPool::Pick(const std::string& key,
                                                 const ProviderBinary& binary) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& slot) {
    return slot->key == key && slot->start().binary.identity == binary.identity;
  });
  if (found == waiting_.end()) return nullptr;
  std::unique_ptr<ProviderSlot> slot = std::move(*found);
  waiting_.erase(found);
  return slot;
}

int ProviderPool::CountBlank(const ProviderBinary& binary) const {
  return static_cast<int>(std::count_if(waiting_.begin(), waiting_.end(), [&](const auto& slot) {
    return slot->key.empty() && slot->start().binary.identity == binary.identity;
  }));
}

int ProviderPool::CountAll() const {
  return static_cast<int>(waiting_.size()) + leased_ + starting_;
}

void ProviderPool::ShowCounts() {
  const auto blank = std::count_if(waiting_.begin(), waiting_.end(),
                                   [](const auto& slot) { return slot->key.empty(); });
  metrics_.SetSlots(static_cast<int>(blank), leased_, static_cast<int>(waiting_.size() - blank));
}

bool ProviderPool::MakeRoom(Slots& ended) {
  if (CountAll() < options_.max) return true;
  if (waiting_.empty()) return false;
  // What is kept for one key is of less use than what is for all.
  auto victim = std::find_if(waiting_.begin(), waiting_.end(),
                             [](const auto& slot) { return !slot->key.empty(); });
  if (victim == waiting_.end()) victim = waiting_.begin();
  ended.push_back(std::move(*victim));
  waiting_.erase(victim);
  return true;
}

std::optional<ProviderPool::Lease> ProviderPool::TakeWaiting(const Request& request, Slots& ended) {
  // A process that runs elsewhere will not do.
  if (!request.start.folder.empty()) return std::nullopt;
  for (const LeaseWay way : {LeaseWay::kKept, LeaseWay::kWarm}) {
    if (way == LeaseWay::kWarm && !request.blank_fits) continue;
    const std::string& key = way == LeaseWay::kKept ? request.key : "";
    while (std::unique_ptr<ProviderSlot> slot = Pick(key, request.start.binary)) {
      if (slot->process().alive()) {
        slot->ForgetWords();
        return Lease{std::move(slot), way};
      }
      ended.push_back(std::move(slot));
    }
  }
  return std::nullopt;
}

absl::StatusOr<ProviderPool::Lease> ProviderPool::Take(const Request& request) {
  // Before the lock, so that they end after it.
  Slots ended;
  {
    absl::MutexLock lock(&mutex_);
    Program& program = ProgramOf(request.start.binary);
    last_lease_ = clock_.TimeNow();
    program.demand.Note(last_lease_, program.leased + 1);
    std::optional<Lease> lease;
    while (true) {
      if (closed_) return absl::UnavailableError("the runner ends");
      lease = TakeWaiting(request, ended);
      if (lease || MakeRoom(ended)) break;
      const auto started = [this, before = starting_]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
        return starting_ < before || closed_;
      };
      // One that is being started for whoever comes is worth waiting for.
      if (starting_ == 0 || !mutex_.AwaitWithTimeout(absl::Condition(&started), kStartPatience)) {
        return absl::ResourceExhaustedError("all provider processes that there may be are in use");
      }
    }
    ++leased_;
    ++program.leased;
    ShowCounts();
    if (lease) {
      lease->slot->key = request.key;
      metrics_.CountLease(Name(lease->way));
      loop_->Wake();
      return *std::move(lease);
    }
  }
  absl::StatusOr<std::unique_ptr<ProviderSlot>> slot = Open(request);
  if (!slot.ok()) {
    absl::MutexLock lock(&mutex_);
    --leased_;
    --ProgramOf(request.start.binary).leased;
    ShowCounts();
    return slot.status();
  }
  (*slot)->key = request.key;
  metrics_.CountLease(Name(LeaseWay::kOrdered));
  loop_->Wake();
  return Lease{*std::move(slot), LeaseWay::kOrdered};
}

absl::StatusOr<std::unique_ptr<ProviderSlot>> ProviderPool::Open(const Request& request) {
  ASSIGN_OR_RETURN(std::unique_ptr<RunFolder> folder, workspace_.MakeProviderFolder());
  SlotStart start = request.start;
  ASSIGN_OR_RETURN(start.environment, request.environment(ProviderSlot::TokensIn(*folder)));
  start.environment.insert(options_.base.begin(), options_.base.end());
  const absl::Time begun = absl::Now();
  auto slot = ProviderSlot::Open(std::move(start), std::move(folder),
                                 {schemas_, options_.containment, options_.limits});
  metrics_.ObserveStart(absl::Now() - begun, slot.ok());
  return slot;
}

void ProviderPool::Return(std::unique_ptr<ProviderSlot> slot, bool keep) {
  keep = keep && options_.keep > absl::ZeroDuration() && slot->start().folder.empty() &&
         slot->process().alive();
  if (keep && slot->start().aws_files) keep = slot->WriteAwsFiles({}).ok();
  keep = keep && slot->TakeFolderBack().ok();
  absl::MutexLock lock(&mutex_);
  --leased_;
  --ProgramOf(slot->start().binary).leased;
  if (keep && !closed_) {
    slot->kept_until = clock_.TimeNow() + options_.keep;
    waiting_.push_back(std::move(slot));
  }
  ShowCounts();
  loop_->Wake();
}

void ProviderPool::Expect(const ProviderBinary& binary) {
  absl::MutexLock lock(&mutex_);
  ProgramOf(binary).demand.Note(clock_.TimeNow(), 1);
  loop_->Wake();
}

void ProviderPool::DropUnwanted(Slots& ended) {
  const absl::Time now = clock_.TimeNow();
  const bool scarce = options_.available_memory() < options_.spare_memory / 2;
  std::map<std::string, int> blank;
  for (auto entry = waiting_.begin(); entry != waiting_.end();) {
    const ProviderSlot& slot = **entry;
    bool unwanted = scarce || !slot.process().alive() || slot.kept_until <= now;
    if (slot.key.empty() && !unwanted) {
      const ProviderBinary& binary = slot.start().binary;
      unwanted = ++blank[binary.identity] >
                 ProgramOf(binary).demand.Wanted(now, options_.min, options_.max);
    }
    if (!unwanted) {
      ++entry;
      continue;
    }
    ended.push_back(std::move(*entry));
    entry = waiting_.erase(entry);
  }
}

ProviderPool::Program* ProviderPool::Wanting() {
  const absl::Time now = clock_.TimeNow();
  if (closed_ || CountAll() >= options_.max) return nullptr;
  if (leased_ > 0 && now < last_lease_ + kQuiet) return nullptr;
  if (options_.available_memory() < options_.spare_memory) return nullptr;
  for (auto& [identity, program] : programs_) {
    if (now < program.not_before) continue;
    if (CountBlank(program.binary) < program.demand.Wanted(now, options_.min, options_.max)) {
      return &program;
    }
  }
  return nullptr;
}

void ProviderPool::StartBlank(const ProviderBinary& binary) {
  Request request;
  request.start.binary = binary;
  request.start.aws_files = TakesAwsFiles(binary);
  request.environment = [this, &binary](const std::string&) { return BlankEnvironment(binary); };
  absl::StatusOr<std::unique_ptr<ProviderSlot>> slot = Open(request);
  if (!slot.ok()) {
    LogWarning("a provider cannot be started ahead of its runs",
               {{"provider", binary.source}, {"error", std::string(slot.status().message())}});
  }
  absl::MutexLock lock(&mutex_);
  --starting_;
  if (slot.ok() && !closed_) {
    waiting_.push_back(*std::move(slot));
  } else if (!slot.ok()) {
    ProgramOf(binary).not_before = clock_.TimeNow() + kAfterFailure;
  }
  ShowCounts();
}

absl::Duration ProviderPool::Tend() {
  Slots ended;
  std::optional<ProviderBinary> wanted;
  bool busy;
  {
    absl::MutexLock lock(&mutex_);
    DropUnwanted(ended);
    if (Program* program = Wanting(); program != nullptr) {
      wanted = program->binary;
      ++starting_;
    }
    busy = leased_ > 0 || !waiting_.empty();
    ShowCounts();
  }
  ended.clear();
  if (wanted) {
    StartBlank(*wanted);
    return absl::ZeroDuration();
  }
  return busy ? options_.interval : absl::InfiniteDuration();
}

}  // namespace stackyard::runner
