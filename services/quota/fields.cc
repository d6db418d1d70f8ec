#include "services/quota/fields.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/proto_time.h"
#include "common/resource_name.h"
#include "common/utf8.h"

namespace stackyard::quota {
namespace {

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool IsMetricId(std::string_view id) {
  return !id.empty() && id.size() <= 40 && IsLower(id[0]) &&
         std::all_of(id.begin(), id.end(),
                     [](char c) { return IsLower(c) || IsDigit(c) || c == '_'; });
}

bool IsUserId(std::string_view id) {
  return !id.empty() && id.size() <= 64 && (IsLower(id[0]) || IsDigit(id[0])) &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return IsLower(c) || IsDigit(c) || c == '.' || c == '-' || c == '_' || c == '@';
         });
}

bool IsReservationId(std::string_view id) {
  return !id.empty() && id.size() <= 100 && (IsLower(id[0]) || IsDigit(id[0])) &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return IsLower(c) || IsDigit(c) || c == '.' || c == '-' || c == '_';
         });
}

void Merge(const absl::Status& status, Violations& violations) {
  if (status.ok()) return;
  google::rpc::BadRequest details;
  if (!ReadDetail(status, details)) {
    violations.Add("request", std::string(status.message()));
    return;
  }
  for (const auto& fault : details.field_violations()) {
    violations.Add(fault.field(), fault.description());
  }
}

std::string ReadProject(std::string_view field, std::string_view name, Violations& violations) {
  const auto ids = ParseName(field, name, "projects/*");
  if (!ids.ok()) {
    Merge(ids.status(), violations);
    return "";
  }
  if (!IsResourceId(ids->at(0))) {
    violations.Add(field, absl::StrCat("the project ", std::string(kResourceIdRule)));
    return "";
  }
  return ids->at(0);
}

QuotaName ReadQuotaName(std::string_view field, std::string_view name, std::string_view collection,
                        Violations& violations) {
  const auto ids =
      ParseName(field, name, absl::StrCat("projects/*/quota/", std::string(collection), "/*"));
  if (!ids.ok()) {
    Merge(ids.status(), violations);
    return {};
  }
  if (!IsResourceId(ids->at(0))) {
    violations.Add(field, absl::StrCat("the project ", std::string(kResourceIdRule)));
  }
  return {ids->at(0), ids->at(1)};
}

ReservationName ReadReservationName(std::string_view field, std::string_view name,
                                    Violations& violations) {
  const QuotaName parts = ReadQuotaName(field, name, "reservations", violations);
  if (!parts.id.empty() && !IsReservationId(parts.id)) {
    violations.Add(field,
                   "the reservation must be 1 to 100 of a-z, 0-9, ., - and _, starting with a "
                   "letter or digit");
  }
  return {parts.project, parts.id};
}

Amounts ReadAmounts(std::string_view field,
                    const google::protobuf::RepeatedPtrField<v1::Amount>& amounts,
                    const MetricIds& known, Violations& violations) {
  Amounts read;
  for (int i = 0; i < amounts.size(); ++i) {
    const v1::Amount& amount = amounts[i];
    const std::string at = absl::StrCat(std::string(field), "[", i, "]");
    if (known.count(amount.metric()) == 0) {
      violations.Add(at + ".metric", absl::StrCat("`", amount.metric(), "` is not a metric"));
    } else if (!read.emplace(amount.metric(), amount.value()).second) {
      violations.Add(at + ".metric", absl::StrCat("`", amount.metric(), "` is named twice"));
    }
    if (amount.value() < 0) violations.Add(at + ".value", "must be 0 or more");
  }
  std::erase_if(read, [](const auto& entry) { return entry.second == 0; });
  return read;
}

absl::Time ReadTime(std::string_view field, const google::protobuf::Timestamp* time,
                    absl::Time fallback, Violations& violations) {
  if (time == nullptr) return fallback;
  constexpr int64_t kFirst = -62135596800, kLast = 253402300799;
  if (time->seconds() < kFirst || time->seconds() > kLast || time->nanos() < 0 ||
      time->nanos() > 999'999'999) {
    violations.Add(field, "must be a time from year 1 to 9999");
    return fallback;
  }
  // As precise as what is stored, so that what is checked is what is read back.
  return FromMicros(ToMicros(FromProto(*time)));
}

void CheckText(std::string_view field, std::string_view text, size_t most, Violations& violations) {
  if (text.size() > most) violations.Add(field, absl::StrCat("must be at most ", most, " bytes"));
  if (ValidUtf8(text) != text) violations.Add(field, "must be UTF-8 without NUL");
}

}  // namespace stackyard::quota
