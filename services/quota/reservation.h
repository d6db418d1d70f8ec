// Reservations between requests, rows and answers.
#pragma once

#include "common/status.h"
#include "services/quota/admission.h"
#include "services/quota/model.h"
#include "stackyard/v1/quota.pb.h"

namespace stackyard::quota {

// Reads what a caller asks for. `known` holds the metrics that there are. Faults that depend on
// the time of day are left to CheckTimes: a replay is answered at any time.
Reservation ReadReservation(const v1::Reservation& asked, const MetricIds& known,
                            Violations& violations);

// INVALID_FIELD when the window or the time to commit is over at `now`.
absl::Status CheckTimes(const Reservation& asked, absl::Time now);

// As it stands at `now`.
v1::Reservation ToProto(const Reservation& reservation, absl::Time now);

// As it was answered when it was made.
v1::Reservation FirstAnswer(const Reservation& reservation);

v1::Shortfall ToProto(const Level& level, int64_t requested, const Shortage& shortage);

// QUOTA_EXCEEDED: a QuotaFailure with a line for people per shortfall, the first shortfall's
// numbers in the ErrorInfo, and all of them in a CheckFitResponse.
absl::Status QuotaExceeded(const std::string& project, const std::string& user,
                           const v1::CheckFitResponse& fit);

}  // namespace stackyard::quota
