#include "common/http_get.h"

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/curl.h"
#include "common/ip_network.h"
#include "common/status_macros.h"

namespace stackyard {
namespace {

constexpr size_t kMostUrl = 2000;

struct Reading {
  std::string body;
  size_t most = 0;
  bool too_much = false;
};

size_t Read(char* data, size_t, size_t size, void* target) {
  Reading& reading = *static_cast<Reading*>(target);
  reading.too_much = size > reading.most - reading.body.size();
  if (reading.too_much) return 0;
  reading.body.append(data, size);
  return size;
}

std::string Part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  std::string copy(text);
  curl_free(text);
  return copy;
}

bool IsThisMachine(std::string_view host) {
  if (host == "localhost") return true;
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  const auto address = ParseAddress(host);
  if (!address) return false;
  return IsV4(*address) ? (*address)[12] == 127 : *address == *ParseAddress("::1");
}

std::string Header(CURL* handle, const char* name) {
  curl_header* header = nullptr;
  const bool found = curl_easy_header(handle, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK;
  return found ? header->value : "";
}

}  // namespace

absl::StatusOr<HttpDocument> GetHttp(const std::string& url, const HttpGetOptions& options) {
  Curl curl;
  curl.AddHeader("Accept: application/json");
  CURL* handle = curl.handle();
  if (!options.ca_file.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, options.ca_file.c_str());
  }
  Reading reading;
  reading.most = options.most_bytes;
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &Read);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &reading);
  const absl::Status status = curl.Run(url, "http,https", options.timeout);
  if (reading.too_much) {
    return absl::UnavailableError(
        absl::StrCat(url, " answers more than ", options.most_bytes, " bytes"));
  }
  if (!status.ok()) return absl::UnavailableError(absl::StrCat(url, ": ", status.message()));
  long code = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &code);
  if (code != 200) return absl::UnavailableError(absl::StrCat(url, " answers ", code));
  return HttpDocument{std::move(reading.body), ReadMaxAge(Header(handle, "Cache-Control"))};
}

absl::Status CheckTrustedUrl(const std::string& text) {
  const absl::Status wrong = absl::InvalidArgumentError(
      "must be an address like https://id.example.com (http is for this machine alone)");
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (text.size() > kMostUrl ||
      curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK ||
      std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c >= 0x7f; })) {
    return wrong;
  }
  const std::string scheme = Part(url.get(), CURLUPART_SCHEME);
  const std::string host = Part(url.get(), CURLUPART_HOST);
  const bool plain = scheme == "http" && IsThisMachine(host);
  if ((scheme != "https" && !plain) || host.empty() || !Part(url.get(), CURLUPART_USER).empty() ||
      !Part(url.get(), CURLUPART_PASSWORD).empty() ||
      !Part(url.get(), CURLUPART_FRAGMENT).empty()) {
    return wrong;
  }
  return absl::OkStatus();
}

absl::Duration ReadMaxAge(std::string_view cache_control) {
  absl::Duration age;
  const absl::string_view text(cache_control.data(), cache_control.size());
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    part = absl::StripAsciiWhitespace(part);
    if (absl::EqualsIgnoreCase(part, "no-store") || absl::EqualsIgnoreCase(part, "no-cache")) {
      return absl::ZeroDuration();
    }
    int64_t seconds = 0;
    if (absl::StartsWithIgnoreCase(part, "max-age=") &&
        absl::SimpleAtoi(part.substr(8), &seconds) && seconds > 0) {
      age = absl::Seconds(seconds);
    }
  }
  return age;
}

}  // namespace stackyard
