#include "cli/http.h"

#include <curl/curl.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/endpoint.h"
#include "common/curl.h"
#include "common/status_macros.h"

namespace stackyard::cli {
namespace {

constexpr size_t kMostRead = 1 << 20;

size_t Read(char* data, size_t, size_t size, void* target) {
  std::string& body = *static_cast<std::string*>(target);
  if (body.size() + size > kMostRead) return 0;
  body.append(data, size);
  return size;
}

int Progress(void* call, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const HttpCall*>(call)->interrupted() ? 1 : 0;
}

std::string Part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  std::string copy(text);
  curl_free(text);
  return copy;
}

// Whether it is of this machine. INVALID_ARGUMENT for what would carry secrets in clear.
absl::StatusOr<bool> CheckUrl(const std::string& text) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is no URL"));
  }
  const std::string scheme = Part(url.get(), CURLUPART_SCHEME);
  const bool here = IsThisMachine(Part(url.get(), CURLUPART_HOST));
  if (scheme == "https" || (scheme == "http" && here)) return here;
  return absl::InvalidArgumentError(
      absl::StrCat(text, " must be https: what is sent there are secrets"));
}

}  // namespace

absl::StatusOr<HttpAnswer> SendHttp(const HttpCall& call) {
  ASSIGN_OR_RETURN(const bool here, CheckUrl(call.url));
  Curl curl;
  CURL* handle = curl.handle();
  HttpAnswer answer;
  // Unlike a service, people sit behind the proxy of their company.
  if (!here) curl_easy_setopt(handle, CURLOPT_PROXY, nullptr);
  if (!call.ca_file.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, call.ca_file.c_str());
  curl.AddHeader("Accept: application/json");
  if (!call.form.empty()) {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(call.form.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, call.form.data());
  }
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &Read);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, &Progress);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &call);
  const absl::Status status = curl.Run(call.url, "http,https", call.timeout);
  if (call.interrupted()) return absl::CancelledError("interrupted");
  if (!status.ok()) {
    return absl::UnavailableError(
        absl::StrCat("no answer from ", call.url, ": ", std::string(status.message())));
  }
  long code = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &code);
  answer.status = static_cast<int>(code);
  return answer;
}

std::string FormText(std::initializer_list<std::pair<std::string, std::string>> fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    char* encoded = curl_easy_escape(nullptr, value.data(), static_cast<int>(value.size()));
    absl::StrAppend(&text, text.empty() ? "" : "&", name, "=", encoded == nullptr ? "" : encoded);
    curl_free(encoded);
  }
  return text;
}

}  // namespace stackyard::cli
