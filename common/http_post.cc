#include "common/http_post.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/curl.h"
#include "common/status_macros.h"

namespace stackyard {
namespace {

constexpr size_t kKept = 1 << 10;
constexpr size_t kMostRead = 64 << 10;
constexpr size_t kMostUrl = 2000;

struct Reading {
  std::string kept;
  size_t read = 0;
};

size_t Read(char* data, size_t, size_t size, void* target) {
  Reading& reading = *static_cast<Reading*>(target);
  reading.kept.append(data, std::min(size, kKept - reading.kept.size()));
  reading.read += size;
  // Less than it was given ends the transfer.
  return reading.read > kMostRead ? 0 : size;
}

std::string Part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  std::string copy(text);
  curl_free(text);
  return copy;
}

}  // namespace

absl::StatusOr<HttpAnswer> PostHttp(const HttpRequest& request, const NetGuard& guard) {
  Curl curl;
  curl.Guard(guard);
  for (const auto& [name, value] : request.headers) curl.AddHeader(absl::StrCat(name, ": ", value));
  // No waiting for a `100 Continue`.
  curl.AddHeader("Expect:");
  Reading reading;
  CURL* handle = curl.handle();
  curl_easy_setopt(handle, CURLOPT_POST, 1L);
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &Read);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &reading);
  const absl::Status status = curl.Run(request.url, "http,https", request.timeout);
  // Whoever says more than we read has answered all the same.
  if (!status.ok() && reading.read <= kMostRead) return status;
  long code = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &code);
  return HttpAnswer{static_cast<int>(code), std::move(reading.kept)};
}

absl::Status CheckHttpUrl(const std::string& text, const NetGuard& guard) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (text.size() > kMostUrl ||
      curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK ||
      std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c >= 0x7f; })) {
    return absl::InvalidArgumentError("must be an address like https://example.com/path");
  }
  const std::string scheme = Part(url.get(), CURLUPART_SCHEME);
  const std::string host = Part(url.get(), CURLUPART_HOST);
  if ((scheme != "http" && scheme != "https") || host.empty()) {
    return absl::InvalidArgumentError("must be an address like https://example.com/path");
  }
  if (!Part(url.get(), CURLUPART_USER).empty() || !Part(url.get(), CURLUPART_PASSWORD).empty()) {
    return absl::InvalidArgumentError("must not hold a user or a password");
  }
  if (!Part(url.get(), CURLUPART_FRAGMENT).empty()) {
    return absl::InvalidArgumentError("must not hold a fragment");
  }
  if (!guard.AdmitsHost(host)) {
    return absl::InvalidArgumentError(
        "is not a public address, and the operator has not allowed its network");
  }
  return absl::OkStatus();
}

}  // namespace stackyard
