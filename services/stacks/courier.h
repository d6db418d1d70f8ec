// Does the deliveries: at least once each, again and again with growing pauses, and puts by what
// cannot be delivered until somebody asks for it.
#pragma once

#include "absl/random/random.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "services/stacks/carrier.h"
#include "services/stacks/change.h"
#include "services/stacks/delivery_counts.h"
#include "services/stacks/task_store.h"

namespace stackyard::stacks {

struct CourierOptions {
  // Tries of one delivery; then it is a dead letter.
  int attempts = 12;
  // Pause after the first failure; each next one is twice as long, up to an hour. Up to half of it
  // is left away by chance, so that many do not come back at once.
  absl::Duration first_pause = absl::Seconds(5);
  // Longest that a try may take.
  absl::Duration timeout = absl::Seconds(10);
};

class Courier {
 public:
  // `counts` may be null: nobody counts.
  Courier(Store& store, Carrier& carrier, const CourierOptions& options,
          DeliveryCounts* counts = nullptr)
      : store_(store), carrier_(carrier), options_(options), counts_(counts) {}

  // Does one delivery that is due. False: there was none.
  absl::StatusOr<bool> RunOne();

  // Until the signals are closed: does what is due, and waits for more.
  void Serve();

 private:
  // Takes it there, and tells where that is. NOT_FOUND: there is nobody or nothing left to deliver.
  absl::Status Deliver(const TaskRecord& task, DeliveryType& type);
  // Writes down how an attempt ended, unless another replica has the task now.
  absl::Status Settle(const DueTask& task, DeliveryType type, const absl::Status& result);
  absl::Duration Pause(int attempts);

  Store& store_;
  Carrier& carrier_;
  const CourierOptions options_;
  DeliveryCounts* const counts_;
  absl::Mutex mutex_;
  absl::BitGen random_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace stackyard::stacks
