#include "common/grpc_log.h"

#include <grpc/support/log.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/log.h"

namespace stackyard {
namespace {

void Forward(gpr_log_func_args* line) {
  // Said of every connection whose client gives a name that is not in the certificate. Services are
  // known by other names.
  if (absl::StartsWith(line->message, "No match found for server name")) return;
  LogLevel level = LogLevel::kDebug;
  if (line->severity == GPR_LOG_SEVERITY_INFO) level = LogLevel::kInfo;
  if (line->severity == GPR_LOG_SEVERITY_ERROR) level = LogLevel::kWarning;
  Log(level, "grpc",
      {{"text", line->message}, {"source", absl::StrCat(line->file, ":", line->line)}});
}

}  // namespace

void LogWhatGrpcSays() { gpr_set_log_function(&Forward); }

}  // namespace stackyard
