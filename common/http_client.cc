#include "common/http_client.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace stackyard {
namespace {

// More would be of use only in a burst that is over.
constexpr size_t kMostIdle = 16;

struct Reading {
  std::string text;
  size_t most = 0;
  bool too_long = false;
};

size_t Read(char* data, size_t, size_t size, void* target) {
  Reading& reading = *static_cast<Reading*>(target);
  reading.too_long = reading.text.size() + size > reading.most;
  // Less than it was given ends the transfer.
  if (reading.too_long) return 0;
  reading.text.append(data, size);
  return size;
}

void SetBody(CURL* curl, const HttpCall& call) {
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  if (call.method != "PUT" && call.method != "POST") return;
  // As a post from memory, which can be sent again on another connection.
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.body.empty() ? "" : call.body.data());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
}

}  // namespace

absl::StatusOr<HttpReply> HttpClient::Send(const HttpCall& call) {
  std::unique_ptr<Curl> curl;
  {
    absl::MutexLock lock(&mutex_);
    if (!idle_.empty()) {
      curl = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (curl == nullptr) curl = std::make_unique<Curl>();
  curl->Reset();
  CURL* handle = curl->handle();
  for (const auto& [name, value] : call.headers) {
    curl->AddHeader(absl::StrCat(name, ": ", value));
  }
  SetBody(handle, call);
  Reading reading;
  reading.most = options_.most_bytes;
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &Read);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &reading);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1024L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME,
                   std::max(static_cast<long>(absl::ToInt64Seconds(options_.stall_timeout)), 1L));
  const absl::Status status =
      curl->Run(call.url, "http,https", options_.timeout, options_.connect_timeout);
  HttpReply reply;
  long code = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &code);
  reply.status = static_cast<int>(code);
  // It may lie idle for long.
  curl->Reset();
  {
    absl::MutexLock lock(&mutex_);
    if (idle_.size() < kMostIdle) idle_.push_back(std::move(curl));
  }
  if (reading.too_long) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the answer is longer than ", options_.most_bytes, " bytes"));
  }
  if (!status.ok()) return status;
  reply.body = std::move(reading.text);
  return reply;
}

}  // namespace stackyard
