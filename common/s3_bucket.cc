#include "common/s3_bucket.h"

#include <algorithm>
#include <array>
#include <map>

#include "absl/random/random.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/id.h"
#include "common/status_macros.h"
#include "common/url_escape.h"
#include "common/xml.h"

namespace stackyard {
namespace {

constexpr absl::Duration kLongestPause = absl::Seconds(5);

template <typename List>
bool Contains(const List& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Codes of errors after which the same call may succeed.
constexpr std::array<std::string_view, 6> kPassing = {"InternalError",      "RequestTimeout",
                                                      "ServiceUnavailable", "SlowDown",
                                                      "Throttling",         "ThrottlingException"};
// And of keys that are good no more.
constexpr std::array<std::string_view, 4> kOldKeys = {"ExpiredToken", "InvalidAccessKeyId",
                                                      "InvalidToken", "TokenRefreshRequired"};

// `3 to 63 of a-z, 0-9, - and .`, as names of buckets are.
bool IsBucket(std::string_view name) {
  return name.size() >= 3 && name.size() <= 63 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}

absl::Status Fault(std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("must be s3://BUCKET/PREFIX?region=REGION: ", std::string(what)));
}

// What S3 says went wrong: an error that may pass is UNAVAILABLE.
absl::Status ErrorOf(int status, const std::string& code, const std::string& bucket) {
  if (status == 404 && code != "NoSuchBucket") return absl::NotFoundError("no such object");
  const std::string text = absl::StrCat("S3 answers ", status, code.empty() ? "" : " ", code);
  if (status == 429 || status >= 500 || Contains(kPassing, code))
    return absl::UnavailableError(text);
  if (status / 100 == 3 || code == "AuthorizationHeaderMalformed") {
    return absl::FailedPreconditionError(
        absl::StrCat(text, ": the bucket ", bucket, " is in another region"));
  }
  return absl::FailedPreconditionError(absl::StrCat(text, " about the bucket ", bucket));
}

}  // namespace

struct S3Bucket::Request {
  std::string method;
  // Empty: the bucket.
  std::string key;
  // Escaped.
  std::string query;
  std::string_view body;
  HttpHeaders headers;
};

absl::StatusOr<S3Address> S3Address::Parse(std::string_view url, const Environment& environment) {
  if (!url.starts_with("s3://")) return Fault("it does not begin with s3://");
  url.remove_prefix(5);
  const size_t question = url.find('?');
  const std::string path(url.substr(0, question));
  S3Address address;
  address.bucket = path.substr(0, path.find('/'));
  if (!IsBucket(address.bucket)) return Fault("its bucket must be 3 to 63 of a-z, 0-9, - and .");
  if (address.bucket.size() < path.size()) address.prefix = path.substr(address.bucket.size() + 1);
  if (!address.prefix.empty() && address.prefix.back() != '/') address.prefix += '/';
  if (address.prefix.starts_with('/') || absl::StrContains(address.prefix, "//")) {
    return Fault("its prefix must have no empty parts");
  }
  std::map<std::string, std::string> given;
  if (question != std::string_view::npos) {
    const std::vector<std::string> parts =
        absl::StrSplit(std::string(url.substr(question + 1)), '&');
    for (const std::string& part : parts) {
      const size_t equals = part.find('=');
      if (equals == std::string::npos) return Fault(absl::StrCat(part, " must be NAME=VALUE"));
      given[part.substr(0, equals)] = UrlUnescaped(part.substr(equals + 1));
    }
  }
  const auto take = [&](const std::string& name, std::vector<const char*> variables) {
    const auto node = given.extract(name);
    if (!node.empty()) return node.mapped();
    for (const char* variable : variables) {
      if (const auto value = environment(variable)) return *value;
    }
    return std::string();
  };
  address.region = take("region", {"AWS_REGION", "AWS_DEFAULT_REGION"});
  address.endpoint = take("endpoint", {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  const std::string style = take("path_style", {});
  address.kms_key = take("kms_key", {});
  if (!given.empty()) {
    return Fault(
        absl::StrCat(given.begin()->first, " is none of region, endpoint, path_style and kms_key"));
  }
  while (absl::EndsWith(address.endpoint, "/")) address.endpoint.pop_back();
  if (!address.endpoint.empty() && !absl::StartsWith(address.endpoint, "http://") &&
      !absl::StartsWith(address.endpoint, "https://")) {
    return Fault("its endpoint must be like https://HOST:PORT");
  }
  // The signature covers Host, in which curl leaves the scheme's own port out.
  const std::string_view own = absl::StartsWith(address.endpoint, "https://") ? ":443" : ":80";
  if (address.endpoint.ends_with(own)) {
    address.endpoint.resize(address.endpoint.size() - own.size());
  }
  if (address.region.empty() && !address.endpoint.empty()) address.region = "us-east-1";
  if (address.region.empty()) return Fault("it needs a region, or AWS_REGION");
  if (!std::all_of(address.region.begin(), address.region.end(),
                   [](char c) { return absl::ascii_isalnum(c) || c == '-'; })) {
    return Fault("its region must be of letters, digits and -");
  }
  if (address.kms_key.find_first_of("\r\n") != std::string::npos) {
    return Fault("its kms_key must be one line");
  }
  // Certificates are for one label in front of the domain.
  address.path_style = !address.endpoint.empty() || absl::StrContains(address.bucket, ".");
  if (!style.empty() && !absl::SimpleAtob(style, &address.path_style)) {
    return Fault("its path_style must be true or false");
  }
  return address;
}

std::string S3Address::UrlOf(std::string_view key) const {
  const std::string base =
      endpoint.empty() ? absl::StrCat("https://s3.", region, ".", AwsDomain(region)) : endpoint;
  const std::string path = UrlEscaped(key, true);
  if (path_style) {
    return absl::StrCat(base, "/", bucket, path.empty() ? "" : "/", path);
  }
  const size_t host = base.find("://") + 3;
  return absl::StrCat(base.substr(0, host), bucket, ".", base.substr(host), "/", path);
}

absl::StatusOr<std::unique_ptr<S3Bucket>> S3Bucket::Open(const S3Address& address,
                                                         const Environment& environment,
                                                         const Clock& clock,
                                                         const Options& options) {
  std::unique_ptr<S3Bucket> bucket(new S3Bucket(address, options));
  ASSIGN_OR_RETURN(auto source, FindAwsKeys(environment, address.region, bucket->http_));
  bucket->credentials_ = std::make_unique<AwsCredentials>(std::move(source), clock);
  return bucket;
}

absl::StatusOr<std::string> S3Bucket::Attempt(const Request& request, bool& renewed) {
  ASSIGN_OR_RETURN(const AwsKeys keys, credentials_->Get());
  HttpCall call;
  call.method = request.method;
  call.url = address_.UrlOf(request.key);
  if (!request.query.empty()) absl::StrAppend(&call.url, "?", request.query);
  call.headers = request.headers;
  call.headers.emplace_back("x-amz-content-sha256", Sha256Hex(request.body));
  if (!keys.session_token.empty()) {
    call.headers.emplace_back("x-amz-security-token", keys.session_token);
  }
  call.body = request.body;
  SignAws({address_.region, "s3", keys.id, keys.secret}, call.method, call.url, absl::Now(),
          call.headers);
  ASSIGN_OR_RETURN(HttpReply reply, http_.Send(call));
  if (reply.status / 100 == 2) return std::move(reply.body);
  const auto answer = ParseXml(reply.body);
  const std::string code = answer.ok() ? (*answer)["Code"].text : "";
  if (Contains(kOldKeys, code) && !renewed) {
    renewed = true;
    credentials_->Drop(keys);
    return absl::UnavailableError(absl::StrCat("S3 answers ", code));
  }
  return ErrorOf(reply.status, code, address_.bucket);
}

absl::StatusOr<std::string> S3Bucket::Call(const Request& request) {
  absl::Duration longest = options_.first_pause;
  bool renewed = false;
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<std::string> answer = Attempt(request, renewed);
    if (!absl::IsUnavailable(answer.status()) || attempt >= options_.attempts) return answer;
    // Those who were turned away together do not come back together.
    absl::BitGen random;
    options_.pause(longest * absl::Uniform(random, 0.5, 1.0));
    longest = std::min(longest * 2, kLongestPause);
  }
}

absl::Status S3Bucket::Put(const std::string& name, std::string_view data) {
  Request request{"PUT", address_.prefix + name, "", data, {}};
  request.headers.emplace_back("Content-Type", "application/octet-stream");
  if (!address_.kms_key.empty()) {
    request.headers.emplace_back("x-amz-server-side-encryption", "aws:kms");
    request.headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id", address_.kms_key);
  }
  return Call(request).status();
}

absl::StatusOr<std::string> S3Bucket::Get(const std::string& name) {
  return Call({"GET", address_.prefix + name, "", "", {}});
}

absl::Status S3Bucket::Delete(const std::string& name) {
  const absl::Status status = Call({"DELETE", address_.prefix + name, "", "", {}}).status();
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::StatusOr<std::string> S3Bucket::ListPage(const std::string& prefix, const std::string& token,
                                               int most,
                                               const std::function<void(S3Object)>& visit) {
  const std::string whole = address_.prefix + prefix;
  std::string query;
  if (!token.empty()) query = absl::StrCat("continuation-token=", UrlEscaped(token), "&");
  absl::StrAppend(&query, "encoding-type=url&list-type=2&max-keys=", most,
                  "&prefix=", UrlEscaped(whole));
  ASSIGN_OR_RETURN(const std::string text, Call({"GET", "", query, "", {}}));
  const auto answer = ParseXml(text);
  if (!answer.ok() || answer->name != "ListBucketResult") {
    return absl::UnavailableError("S3 answers with something else than a list");
  }
  const bool escaped = (*answer)["EncodingType"].text == "url";
  for (const XmlElement& element : answer->children) {
    if (element.name != "Contents") continue;
    const std::string& text_of_key = element["Key"].text;
    const std::string key = escaped ? UrlUnescaped(text_of_key) : text_of_key;
    S3Object object;
    std::string error;
    if (!absl::StartsWith(key, whole) ||
        !absl::ParseTime(absl::RFC3339_full, element["LastModified"].text, &object.time, &error)) {
      return absl::UnavailableError("S3 answers with a list that makes no sense");
    }
    object.name = key.substr(address_.prefix.size());
    visit(std::move(object));
  }
  return (*answer)["IsTruncated"].text == "true" ? (*answer)["NextContinuationToken"].text : "";
}

absl::Status S3Bucket::List(const std::string& prefix, const std::function<void(S3Object)>& visit) {
  std::string token;
  do {
    ASSIGN_OR_RETURN(token, ListPage(prefix, token, options_.page, visit));
  } while (!token.empty());
  return absl::OkStatus();
}

absl::Status S3Bucket::Check() {
  return ListPage("", "", 1, [](const S3Object&) {}).status();
}

}  // namespace stackyard
