// How single values are shown to people, and read from them.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/repeated_field.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "stackyard/v1/common.pb.h"

namespace stackyard::cli {

// `45s`, `3m`, `5h`, `2d`: the largest unit that fits, rounded down; negative ones as `-3m`.
std::string ShortDuration(absl::Duration duration);

// Time since; `-` when it is not set.
std::string Age(const google::protobuf::Timestamp& time, absl::Time now);

// Time to go, as `in 3m`; `3m ago` when it is over, `-` when it is not set.
std::string Until(const google::protobuf::Timestamp& time, absl::Time now);

// `2026-01-31 09:05:00 UTC`; `-` when it is not set.
std::string TimeText(const google::protobuf::Timestamp& time);

// `resources 3, vcpu 2`; `none` when empty.
std::string AmountsText(const google::protobuf::RepeatedPtrField<v1::Amount>& amounts);

// `0.0416 USD per hour`; empty when unknown.
std::string PriceText(int64_t micros_per_hour, const std::string& currency);

// `about 0.0416 USD per hour (an estimate, from prices of 2026-01-31)`; empty when unknown.
std::string EstimateText(int64_t micros_per_hour, const std::string& currency,
                         const std::string& price_date);

// Compact JSON; a string stands without quotes.
std::string ValueText(const google::protobuf::Value& value);

// Cut to `width` characters with `…` at its end; one line.
std::string Cut(const std::string& text, size_t width);

// Characters of a UTF-8 string, counted as columns.
size_t Width(const std::string& text);

// `30s`, `5m`, `72h`, `3d`, `1d12h`; more than 0. INVALID_FIELD on `field`.
absl::StatusOr<absl::Duration> ReadDuration(const std::string& field, const std::string& text);

// RFC 3339, or a date (midnight UTC). INVALID_FIELD on `field`.
absl::StatusOr<absl::Time> ReadTime(const std::string& field, const std::string& text);

// `vcpu=2`. INVALID_FIELD on `field`.
absl::StatusOr<v1::Amount> ReadAmount(const std::string& field, const std::string& text);

}  // namespace stackyard::cli
