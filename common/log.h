// One JSON object per line on standard error.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace stackyard {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// A field of a log line.
struct LogField {
  LogField(std::string_view key, std::string_view value) : key(key), value(std::string(value)) {}
  LogField(std::string_view key, const std::string& value) : key(key), value(value) {}
  LogField(std::string_view key, const char* value) : key(key), value(std::string(value)) {}
  LogField(std::string_view key, int value) : key(key), value(int64_t{value}) {}
  LogField(std::string_view key, int64_t value) : key(key), value(value) {}
  LogField(std::string_view key, double value) : key(key), value(value) {}
  LogField(std::string_view key, bool value) : key(key), value(value) {}

  std::string_view key;
  std::variant<std::string, int64_t, double, bool> value;
};

using LogFields = std::initializer_list<LogField>;

// Lines below this level are dropped. Info when not set.
void SetLogLevel(LogLevel level);
// `debug`, `info`, `warning` or `error`; false for anything else.
bool ParseLogLevel(std::string_view text, LogLevel& level);
// Name of the program, in the field `service` of every line.
void SetLogService(std::string_view name);

// Writes one line with a single write(2), so that lines of several threads never mix. The request
// and trace ids of the thread's current call (see RequestScope) are added.
void Log(LogLevel level, std::string_view message, LogFields fields = {});

inline void LogInfo(std::string_view message, LogFields fields = {}) {
  Log(LogLevel::kInfo, message, fields);
}
inline void LogWarning(std::string_view message, LogFields fields = {}) {
  Log(LogLevel::kWarning, message, fields);
}
inline void LogError(std::string_view message, LogFields fields = {}) {
  Log(LogLevel::kError, message, fields);
}

// Names the request and trace that the current thread works on, for its log lines.
class RequestScope {
 public:
  RequestScope(std::string_view request_id, std::string_view traceparent);
  ~RequestScope();
  RequestScope(const RequestScope&) = delete;
  RequestScope& operator=(const RequestScope&) = delete;

  static const std::string& RequestId();
  static const std::string& Traceparent();

 private:
  std::string outer_request_id_;
  std::string outer_traceparent_;
};

}  // namespace stackyard
