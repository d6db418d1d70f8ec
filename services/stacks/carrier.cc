#include "services/stacks/carrier.h"

#include <openssl/hmac.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/http_post.h"
#include "common/proto_time.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "common/version.h"
#include "google/protobuf/util/json_util.h"
#include "services/stacks/notice_rules.h"

namespace stackyard::stacks {
namespace {

// Of what the other side said, this much is told.
constexpr size_t kMostTold = 200;

std::string HmacHex(const std::string& key, const std::string& data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest, &length);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), length));
}

// What the other side said, fit to be shown: one short line.
std::string Told(const std::string& body) {
  std::string text = ValidUtf8(body.substr(0, kMostTold));
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  absl::StripAsciiWhitespace(&text);
  return text;
}

std::string SubjectOf(const v1::Event& event) {
  const std::string title = NoticeOf(event, {}).title;
  return title.empty() ? absl::StrCat(event.type(), " ", event.resource()) : title;
}

std::string TextOf(const v1::Event& event) {
  std::string text;
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) absl::StrAppend(&text, std::string(name), value, "\n");
  };
  line("", event.message());
  text += "\n";
  line("What:     ", event.type());
  line("Resource: ", event.resource());
  line("By:       ", event.actor());
  line("When:     ",
       absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", FromProto(event.time()), absl::UTCTimeZone()));
  line("Event:    ", event.name());
  return text;
}

class NetworkCarrier final : public Carrier {
 public:
  NetworkCarrier(NetGuard guard, MailServer server, absl::Duration timeout)
      : guard_(std::move(guard)), server_(std::move(server)), timeout_(timeout) {}

  absl::Status ToWebhook(const v1::Webhook& webhook, const Letter& letter,
                         absl::Time now) override {
    HttpRequest request;
    request.url = webhook.url();
    ASSIGN_OR_RETURN(request.body, BodyOf(letter.event));
    request.timeout = timeout_;
    request.headers = {{"Content-Type", "application/json"},
                       {"User-Agent", absl::StrCat("stackyard/", std::string(kVersion))},
                       {"X-Stackyard-Delivery", letter.id},
                       {"X-Stackyard-Event", letter.event.type()},
                       {"X-Stackyard-Signature", Sign(webhook.secret_key(), request.body, now)}};
    ASSIGN_OR_RETURN(const HttpAnswer answer, PostHttp(request, guard_));
    if (answer.status >= 200 && answer.status < 300) return absl::OkStatus();
    const std::string told = Told(answer.body);
    return absl::UnavailableError(
        absl::StrCat("the other side answered ", answer.status,
                     answer.status / 100 == 3 ? "; redirects are not followed" : "",
                     told.empty() ? "" : ": ", told));
  }

  absl::Status ToMail(const std::vector<std::string>& to, const Letter& letter,
                      absl::Time now) override {
    Mail mail;
    mail.to = to;
    mail.subject = SubjectOf(letter.event);
    mail.text = TextOf(letter.event);
    mail.id = letter.id;
    mail.time = now;
    return SendMail(server_, mail, timeout_);
  }

  bool SendsMail() const override { return !server_.url.empty(); }

  absl::Status CheckUrl(const std::string& url) const override { return CheckHttpUrl(url, guard_); }

 private:
  const NetGuard guard_;
  const MailServer server_;
  const absl::Duration timeout_;
};

}  // namespace

std::unique_ptr<Carrier> MakeCarrier(NetGuard guard, MailServer server, absl::Duration timeout) {
  return std::make_unique<NetworkCarrier>(std::move(guard), std::move(server), timeout);
}

std::string Sign(const std::string& key, const std::string& body, absl::Time now) {
  const int64_t seconds = absl::ToUnixSeconds(now);
  return absl::StrCat("t=", seconds, ",v1=", HmacHex(key, absl::StrCat(seconds, ".", body)));
}

absl::StatusOr<std::string> BodyOf(const v1::Event& event) {
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  const auto status = google::protobuf::util::MessageToJsonString(event, &json, options);
  if (!status.ok()) return absl::InternalError("an event cannot be written as JSON");
  return json;
}

}  // namespace stackyard::stacks
