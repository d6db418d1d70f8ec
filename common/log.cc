#include "common/log.h"

#include <unistd.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace stackyard {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};
// Set once at start, before threads.
std::string& Service() {
  static auto* service = new std::string;
  return *service;
}

thread_local std::string t_request_id;
thread_local std::string t_traceparent;

const char* LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    default:
      return "error";
  }
}

}  // namespace

void SetLogLevel(LogLevel level) { g_level = level; }

bool ParseLogLevel(std::string_view text, LogLevel& level) {
  for (const LogLevel candidate :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (text == LevelName(candidate)) {
      level = candidate;
      return true;
    }
  }
  return false;
}

void SetLogService(std::string_view name) { Service() = std::string(name); }

void Log(LogLevel level, std::string_view message, LogFields fields) {
  if (level < g_level) return;
  nlohmann::ordered_json line;
  line["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::Now(), absl::UTCTimeZone());
  line["level"] = LevelName(level);
  if (!Service().empty()) line["service"] = Service();
  line["message"] = message;
  for (const LogField& field : fields) {
    std::visit([&](const auto& value) { line[std::string(field.key)] = value; }, field.value);
  }
  if (!t_request_id.empty()) line["request_id"] = t_request_id;
  // 00-<32 hex trace id>-<16 hex span id>-<flags>
  if (t_traceparent.size() >= 55) {
    line["trace_id"] = t_traceparent.substr(3, 32);
    line["span_id"] = t_traceparent.substr(36, 16);
  }
  std::string text = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.push_back('\n');
  if (write(STDERR_FILENO, text.data(), text.size()) < 0) {
    // There is nowhere left to tell it.
  }
}

RequestScope::RequestScope(std::string_view request_id, std::string_view traceparent)
    : outer_request_id_(std::move(t_request_id)), outer_traceparent_(std::move(t_traceparent)) {
  t_request_id = std::string(request_id);
  t_traceparent = std::string(traceparent);
}

RequestScope::~RequestScope() {
  t_request_id = std::move(outer_request_id_);
  t_traceparent = std::move(outer_traceparent_);
}

const std::string& RequestScope::RequestId() { return t_request_id; }
const std::string& RequestScope::Traceparent() { return t_traceparent; }

}  // namespace stackyard
