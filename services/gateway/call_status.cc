#include "services/gateway/call_status.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace stackyard::gateway {
namespace {

// As gRPC wants `grpc-message`: all but printable ASCII is escaped, and the escape itself.
std::string PercentEncode(std::string_view text) {
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (c >= 0x20 && c < 0x7f && c != '%') {
      encoded.push_back(c);
    } else {
      absl::StrAppend(&encoded, "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return encoded;
}

std::string PercentDecode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '%' && i + 2 < text.size() &&
                         absl::ascii_isxdigit(text[i + 1]) && absl::ascii_isxdigit(text[i + 2]);
    if (escaped) {
      decoded += absl::HexStringToBytes(absl::string_view(text.data() + i + 1, 2));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

std::string Base64(const std::string& bytes) {
  std::string encoded = absl::Base64Escape(bytes);
  while (!encoded.empty() && encoded.back() == '=') encoded.pop_back();
  return encoded;
}

}  // namespace

CallStatus::CallStatus(const grpc::Status& status)
    : code_(status.error_code()),
      code_text_(absl::StrCat(static_cast<int>(status.error_code()))),
      message_(PercentEncode(status.error_message())),
      details_(Base64(status.error_details())) {}

void CallStatus::Read(std::string_view name, std::string_view value) {
  if (name == "grpc-status") {
    int code = 0;
    const bool known = absl::SimpleAtoi(absl::string_view(value.data(), value.size()), &code) &&
                       code >= 0 && code <= grpc::StatusCode::UNAUTHENTICATED;
    code_ = known ? static_cast<grpc::StatusCode>(code) : grpc::StatusCode::UNKNOWN;
    code_text_ = absl::StrCat(static_cast<int>(code_));
  } else if (name == "grpc-message") {
    message_ = value;
  } else if (name == "grpc-status-details-bin") {
    details_ = value;
  } else if (name == "retry-after") {
    retry_after_ = value;
  } else if (name == "grpc-retry-pushback-ms") {
    retry_pushback_ = value;
  }
}

grpc::Status CallStatus::ToGrpc() const {
  std::string details;
  absl::Base64Unescape(details_, &details);
  return grpc::Status(code_, PercentDecode(message_), details);
}

void CallStatus::AddTo(HeaderList& headers) const {
  headers.Add("grpc-status", code_text_);
  if (!message_.empty()) headers.AddOnce("grpc-message", message_);
  if (!details_.empty()) headers.AddOnce("grpc-status-details-bin", details_);
  if (!retry_after_.empty()) headers.AddOnce("retry-after", retry_after_);
  if (!retry_pushback_.empty()) headers.AddOnce("grpc-retry-pushback-ms", retry_pushback_);
}

}  // namespace stackyard::gateway
