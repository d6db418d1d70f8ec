#include "cli/text.h"

#include <google/protobuf/util/json_util.h>

#include <cstdio>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/proto_time.h"
#include "common/status.h"

namespace stackyard::cli {
namespace {

bool IsSet(const google::protobuf::Timestamp& time) {
  return time.seconds() != 0 || time.nanos() != 0;
}

bool StartsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

}  // namespace

std::string ShortDuration(absl::Duration duration) {
  if (duration < absl::ZeroDuration()) return "-" + ShortDuration(-duration);
  const int64_t seconds = absl::ToInt64Seconds(duration);
  if (seconds < 120) return absl::StrCat(seconds, "s");
  if (seconds < 2 * 3600) return absl::StrCat(seconds / 60, "m");
  if (seconds < 48 * 3600) return absl::StrCat(seconds / 3600, "h");
  return absl::StrCat(seconds / 86400, "d");
}

std::string Age(const google::protobuf::Timestamp& time, absl::Time now) {
  // Clocks differ a little; nothing was made in the future.
  return IsSet(time) ? ShortDuration(std::max(now - FromProto(time), absl::ZeroDuration())) : "-";
}

std::string Until(const google::protobuf::Timestamp& time, absl::Time now) {
  if (!IsSet(time)) return "-";
  const absl::Duration left = FromProto(time) - now;
  return left >= absl::ZeroDuration() ? "in " + ShortDuration(left) : ShortDuration(-left) + " ago";
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  if (!IsSet(time)) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", FromProto(time), absl::UTCTimeZone());
}

std::string AmountsText(const google::protobuf::RepeatedPtrField<v1::Amount>& amounts) {
  if (amounts.empty()) return "none";
  return absl::StrJoin(amounts, ", ", [](std::string* out, const v1::Amount& amount) {
    absl::StrAppend(out, amount.metric(), " ", amount.value());
  });
}

std::string PriceText(int64_t micros_per_hour, const std::string& currency) {
  if (micros_per_hour == 0) return "";
  return absl::StrFormat("%.4f %s per hour", static_cast<double>(micros_per_hour) / 1e6, currency);
}

std::string EstimateText(int64_t micros_per_hour, const std::string& currency,
                         const std::string& price_date) {
  if (micros_per_hour == 0) return "";
  return absl::StrCat("about ", PriceText(micros_per_hour, currency), " (an estimate",
                      price_date.empty() ? "" : ", from prices of ", price_date, ")");
}

std::string ValueText(const google::protobuf::Value& value) {
  if (value.kind_case() == google::protobuf::Value::kStringValue) return value.string_value();
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(value, &json).ok()) return "";
  return json;
}

size_t Width(const std::string& text) {
  size_t width = 0;
  for (const char c : text) width += StartsCharacter(c);
  return width;
}

std::string Cut(const std::string& text, size_t width) {
  const std::string line = text.substr(0, text.find('\n'));
  const bool whole = line.size() == text.size();
  if (whole && Width(line) <= width) return line;
  std::string cut;
  size_t used = 0;
  for (const char c : line) {
    if (StartsCharacter(c) && ++used >= width) break;
    cut.push_back(c);
  }
  return cut + "…";
}

absl::StatusOr<absl::Duration> ReadDuration(const std::string& field, const std::string& text) {
  absl::Duration total;
  std::string rest = text;
  // absl knows no days.
  if (const size_t days = text.find('d'); days != std::string::npos) {
    double count = 0;
    if (!absl::SimpleAtod(text.substr(0, days), &count)) rest = "wrong";
    total = absl::Hours(24) * count;
    if (rest != "wrong") rest = text.substr(days + 1);
  }
  absl::Duration parsed;
  if ((!rest.empty() || text.empty()) && !absl::ParseDuration(rest, &parsed)) {
    parsed = -absl::InfiniteDuration();
  }
  total += parsed;
  if (total <= absl::ZeroDuration() || total == absl::InfiniteDuration()) {
    return InvalidField(field,
                        absl::StrCat("must be a duration like 30m, 72h or 3d, not \"", text, "\""));
  }
  return total;
}

absl::StatusOr<absl::Time> ReadTime(const std::string& field, const std::string& text) {
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error) ||
      absl::ParseTime("%Y-%m-%d", text, &time, &error)) {
    return time;
  }
  return InvalidField(field, absl::StrCat("must be a time like 2026-01-31T09:00:00Z or a date, not "
                                          "\"",
                                          text, "\""));
}

absl::StatusOr<v1::Amount> ReadAmount(const std::string& field, const std::string& text) {
  const std::vector<std::string> halves = absl::StrSplit(text, absl::MaxSplits('=', 1));
  v1::Amount amount;
  int64_t value = 0;
  if (halves.size() != 2 || halves[0].empty() || !absl::SimpleAtoi(halves[1], &value) ||
      value < 0) {
    return InvalidField(
        field, absl::StrCat("must be METRIC=AMOUNT with a whole number, not \"", text, "\""));
  }
  amount.set_metric(halves[0]);
  amount.set_value(value);
  return amount;
}

}  // namespace stackyard::cli
