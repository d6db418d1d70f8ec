#include "common/aws_credentials.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "common/url_escape.h"
#include "common/xml.h"

namespace stackyard {
namespace {

// Before their end, so that a call that begins now is still good when it arrives.
constexpr absl::Duration kEarly = absl::Minutes(5);
constexpr absl::Duration kReadAgain = absl::Minutes(1);
// Between two tries while keys are still good.
constexpr absl::Duration kTryAgain = absl::Seconds(10);

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return absl::FailedPreconditionError(absl::StrCat(path, " cannot be read"));
  return text.str();
}

std::string Stripped(std::string text) {
  absl::StripAsciiWhitespace(&text);
  return text;
}

absl::StatusOr<absl::Time> ParseTime(const std::string& text) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return absl::UnavailableError("the keys came without the time at which they expire");
  }
  return time;
}

// Keys that do not change while the process lives.
class FixedKeys final : public AwsKeySource {
 public:
  explicit FixedKeys(AwsKeys keys) : keys_(std::move(keys)) {}
  absl::StatusOr<AwsKeys> Fetch() override { return keys_; }

 private:
  const AwsKeys keys_;
};

// A profile of a shared credentials file.
class ProfileKeys final : public AwsKeySource {
 public:
  ProfileKeys(std::string path, std::string profile)
      : path_(std::move(path)), profile_(std::move(profile)) {}

  absl::StatusOr<AwsKeys> Fetch() override {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(path_));
    AwsKeys keys;
    bool inside = false;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      line = Stripped(line);
      if (line.empty() || line[0] == '#' || line[0] == ';') continue;
      if (line[0] == '[') {
        inside = Stripped(line.substr(1, line.find(']') - 1)) == profile_;
        continue;
      }
      const size_t equals = line.find('=');
      if (!inside || equals == std::string::npos) continue;
      const std::string name = Stripped(line.substr(0, equals));
      const std::string value = Stripped(line.substr(equals + 1));
      if (name == "aws_access_key_id") keys.id = value;
      if (name == "aws_secret_access_key") keys.secret = value;
      if (name == "aws_session_token") keys.session_token = value;
    }
    if (keys.id.empty() || keys.secret.empty()) {
      return absl::FailedPreconditionError(absl::StrCat(
          path_, " has no aws_access_key_id and aws_secret_access_key in the profile ", profile_));
    }
    return keys;
  }

 private:
  const std::string path_;
  const std::string profile_;
};

// A role that STS gives to who shows a token.
class WebIdentityKeys final : public AwsKeySource {
 public:
  WebIdentityKeys(HttpClient& http, std::string endpoint, std::string token_file, std::string role,
                  std::string session)
      : http_(http),
        endpoint_(std::move(endpoint)),
        token_file_(std::move(token_file)),
        role_(std::move(role)),
        session_(std::move(session)) {}

  absl::StatusOr<AwsKeys> Fetch() override {
    ASSIGN_OR_RETURN(const std::string token, ReadFile(token_file_));
    const std::string body = absl::StrCat(
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=", UrlEscaped(role_),
        "&RoleSessionName=", UrlEscaped(session_),
        "&WebIdentityToken=", UrlEscaped(Stripped(token)));
    HttpCall call;
    call.method = "POST";
    call.url = endpoint_;
    call.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    call.body = body;
    ASSIGN_OR_RETURN(const HttpReply reply, http_.Send(call));
    const auto answer = ParseXml(reply.body);
    if (reply.status != 200 || !answer.ok()) {
      const std::string code = answer.ok() ? (*answer)["Error"]["Code"].text : "";
      const std::string text =
          absl::StrCat("STS does not give the role ", role_, ": ", reply.status, " ", code);
      return reply.status / 100 == 4 ? absl::FailedPreconditionError(text)
                                     : absl::UnavailableError(text);
    }
    const XmlElement& given = (*answer)["AssumeRoleWithWebIdentityResult"]["Credentials"];
    AwsKeys keys;
    keys.id = given["AccessKeyId"].text;
    keys.secret = given["SecretAccessKey"].text;
    keys.session_token = given["SessionToken"].text;
    ASSIGN_OR_RETURN(keys.expires, ParseTime(given["Expiration"].text));
    if (keys.id.empty() || keys.secret.empty()) {
      return absl::UnavailableError("STS answered without keys");
    }
    return keys;
  }

 private:
  HttpClient& http_;
  const std::string endpoint_;
  const std::string token_file_;
  const std::string role_;
  const std::string session_;
};

// What the container's host gives out.
class ContainerKeys final : public AwsKeySource {
 public:
  ContainerKeys(HttpClient& http, std::string url, std::string token_file, std::string token)
      : http_(http),
        url_(std::move(url)),
        token_file_(std::move(token_file)),
        token_(std::move(token)) {}

  absl::StatusOr<AwsKeys> Fetch() override {
    HttpCall call;
    call.url = url_;
    std::string token = token_;
    if (!token_file_.empty()) {
      ASSIGN_OR_RETURN(token, ReadFile(token_file_));
      token = Stripped(token);
    }
    if (token.find_first_of("\r\n") != std::string::npos) {
      return absl::FailedPreconditionError("the token for the container's keys has several lines");
    }
    if (!token.empty()) call.headers.emplace_back("Authorization", token);
    ASSIGN_OR_RETURN(const HttpReply reply, http_.Send(call));
    if (reply.status != 200) {
      const std::string text = absl::StrCat(url_, " gives no keys: ", reply.status);
      return reply.status / 100 == 4 ? absl::FailedPreconditionError(text)
                                     : absl::UnavailableError(text);
    }
    const auto answer = nlohmann::json::parse(reply.body, nullptr, false);
    const auto field = [&](const char* name) {
      const bool there = answer.is_object() && answer.contains(name) && answer[name].is_string();
      return there ? answer[name].get<std::string>() : std::string();
    };
    AwsKeys keys;
    keys.id = field("AccessKeyId");
    keys.secret = field("SecretAccessKey");
    keys.session_token = field("Token");
    if (keys.id.empty() || keys.secret.empty()) {
      return absl::UnavailableError(absl::StrCat(url_, " answered without keys"));
    }
    ASSIGN_OR_RETURN(keys.expires, ParseTime(field("Expiration")));
    return keys;
  }

 private:
  HttpClient& http_;
  const std::string url_;
  const std::string token_file_;
  const std::string token_;
};

std::string StsEndpoint(const Environment& environment, const std::string& region) {
  for (const char* name : {"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"}) {
    if (const auto url = environment(name)) return *url;
  }
  return absl::StrCat("https://sts.", region, ".", AwsDomain(region), "/");
}

// The token goes to these hosts in clear; to others only by https.
bool MayAskInClear(const std::string& url) {
  constexpr std::array<const char*, 6> kHosts = {"http://127.0.0.1",      "http://localhost",
                                                 "http://[::1]",          "http://169.254.170.2",
                                                 "http://169.254.170.23", "http://[fd00:ec2::23]"};
  return std::any_of(kHosts.begin(), kHosts.end(), [&](const std::string host) {
    return absl::StartsWith(url, host) &&
           (url.size() == host.size() || url[host.size()] == ':' || url[host.size()] == '/');
  });
}

absl::StatusOr<std::unique_ptr<AwsKeySource>> FindContainerKeys(const Environment& environment,
                                                                HttpClient& http) {
  std::string url = environment("AWS_CONTAINER_CREDENTIALS_FULL_URI").value_or("");
  if (const auto path = environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")) {
    url = absl::StrCat("http://169.254.170.2", *path);
  }
  if (!absl::StartsWith(url, "https://") && !MayAskInClear(url)) {
    return absl::InvalidArgumentError(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or lead to this host or a container's");
  }
  return std::make_unique<ContainerKeys>(
      http, url, environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").value_or(""),
      environment("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or(""));
}

}  // namespace

Environment ProcessEnvironment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
  };
}

std::string AwsDomain(std::string_view region) {
  return region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}

absl::StatusOr<std::unique_ptr<AwsKeySource>> FindAwsKeys(const Environment& environment,
                                                          const std::string& region,
                                                          HttpClient& http) {
  if (const auto id = environment("AWS_ACCESS_KEY_ID")) {
    const auto secret = environment("AWS_SECRET_ACCESS_KEY");
    if (!secret) {
      return absl::InvalidArgumentError("AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY");
    }
    return std::make_unique<FixedKeys>(
        AwsKeys{*id, *secret, environment("AWS_SESSION_TOKEN").value_or("")});
  }
  if (const auto token_file = environment("AWS_WEB_IDENTITY_TOKEN_FILE")) {
    const auto role = environment("AWS_ROLE_ARN");
    if (!role) {
      return absl::InvalidArgumentError("AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN");
    }
    return std::make_unique<WebIdentityKeys>(
        http, StsEndpoint(environment, region), *token_file, *role,
        environment("AWS_ROLE_SESSION_NAME").value_or("stackyard"));
  }
  const std::string path =
      environment("AWS_SHARED_CREDENTIALS_FILE")
          .value_or(absl::StrCat(environment("HOME").value_or(""), "/.aws/credentials"));
  const bool named = environment("AWS_SHARED_CREDENTIALS_FILE") || environment("AWS_PROFILE");
  if (named || std::ifstream(path).good()) {
    return std::make_unique<ProfileKeys>(path, environment("AWS_PROFILE").value_or("default"));
  }
  if (environment("AWS_CONTAINER_CREDENTIALS_FULL_URI") ||
      environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")) {
    return FindContainerKeys(environment, http);
  }
  return absl::InvalidArgumentError(
      "no credentials for AWS: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
      "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, AWS_SHARED_CREDENTIALS_FILE, or "
      "AWS_CONTAINER_CREDENTIALS_FULL_URI");
}

absl::StatusOr<AwsKeys> AwsCredentials::Get() {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = clock_.TimeNow();
  if (keys_ && now < fetch_at_) return *keys_;
  absl::StatusOr<AwsKeys> fetched = source_->Fetch();
  if (fetched.ok()) {
    keys_ = *fetched;
    fetch_at_ = keys_->expires == absl::InfiniteFuture()
                    ? now + kReadAgain
                    : std::max(keys_->expires - kEarly, now + kTryAgain);
    return *keys_;
  }
  if (!keys_ || keys_->expires <= now) return fetched.status();
  LogWarning("keys for AWS cannot be renewed",
             {{"error", std::string(fetched.status().message())}});
  fetch_at_ = now + kTryAgain;
  return *keys_;
}

void AwsCredentials::Drop(const AwsKeys& keys) {
  absl::MutexLock lock(&mutex_);
  // Others may have fetched new ones meanwhile.
  if (keys_ && keys_->id == keys.id && keys_->secret == keys.secret)
    fetch_at_ = absl::InfinitePast();
}

}  // namespace stackyard
