// Takes events out of the house: to webhooks, and as mail.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/mail.h"
#include "common/net_guard.h"
#include "stackyard/v1/events.pb.h"
#include "stackyard/v1/notifications.pb.h"

namespace stackyard::stacks {

// Why nobody can have mail.
inline constexpr char kNoMailServer[] = "needs a mail server, and the operator has set none";

// An event on its way.
struct Letter {
  v1::Event event;
  // Stays the same when it is sent again, so that receivers can drop the second.
  std::string id;
};

class Carrier {
 public:
  virtual ~Carrier() = default;
  // OK when the other side took it. Any error may pass; its message is for people.
  virtual absl::Status ToWebhook(const v1::Webhook& webhook, const Letter& letter,
                                 absl::Time now) = 0;
  virtual absl::Status ToMail(const std::vector<std::string>& to, const Letter& letter,
                              absl::Time now) = 0;
  // Whether there is a mail server at all.
  virtual bool SendsMail() const = 0;
  // Whether an address may be kept; the message says what it must be.
  virtual absl::Status CheckUrl(const std::string& url) const = 0;
};

// Over the network. An attempt takes at most `timeout`.
std::unique_ptr<Carrier> MakeCarrier(NetGuard guard, MailServer server, absl::Duration timeout);

// `t=1800000000,v1=…`: the hex HMAC-SHA256, with the webhook's key, of the time, a dot and the
// body.
std::string Sign(const std::string& key, const std::string& body, absl::Time now);

// The event's JSON, as webhooks get it.
absl::StatusOr<std::string> BodyOf(const v1::Event& event);

}  // namespace stackyard::stacks
