#include "common/aws_signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/id.h"

namespace stackyard {
namespace {

constexpr char kAlgorithm[] = "AWS4-HMAC-SHA256";

std::string Hmac(const std::string& key, const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
  return {reinterpret_cast<const char*>(digest), size};
}

struct UrlParts {
  std::string host, path, query;
};

UrlParts Split(std::string_view url) {
  UrlParts parts;
  const std::string_view rest = url.substr(url.find("://") + 3);
  const size_t path = std::min(rest.find_first_of("/?"), rest.size());
  const size_t query = std::min(rest.find('?'), rest.size());
  parts.host = std::string(rest.substr(0, path));
  parts.path = std::string(rest.substr(path, query - path));
  if (parts.path.empty()) parts.path = "/";
  if (query < rest.size()) parts.query = std::string(rest.substr(query + 1));
  return parts;
}

std::string SortedQuery(const std::string& query) {
  if (query.empty()) return "";
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const auto part : absl::StrSplit(query, '&')) {
    const std::pair<std::string, std::string> parameter =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    parameters.push_back(parameter);
  }
  std::sort(parameters.begin(), parameters.end());
  return absl::StrJoin(parameters, "&", absl::PairFormatter("="));
}

}  // namespace

void SignAws(const AwsSignature& signature, std::string_view method, std::string_view url,
             absl::Time now, HttpHeaders& headers) {
  const UrlParts parts = Split(url);
  const std::string time = absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone());
  headers.emplace_back("x-amz-date", time);
  std::map<std::string, std::string> lines = {{"host", parts.host}};
  for (const auto& [name, value] : headers) {
    lines[absl::AsciiStrToLower(name)] = std::string(absl::StripAsciiWhitespace(value));
  }
  const std::string names = absl::StrJoin(
      lines, ";", [](std::string* out, const auto& line) { out->append(line.first); });
  std::string request =
      absl::StrCat(std::string(method), "\n", parts.path, "\n", SortedQuery(parts.query), "\n");
  for (const auto& [name, value] : lines) absl::StrAppend(&request, name, ":", value, "\n");
  absl::StrAppend(&request, "\n", names, "\n", lines["x-amz-content-sha256"]);

  const std::string day = time.substr(0, 8);
  const std::string scope =
      absl::StrCat(day, "/", signature.region, "/", signature.service, "/aws4_request");
  const std::string text =
      absl::StrCat(kAlgorithm, "\n", time, "\n", scope, "\n", Sha256Hex(request));
  std::string key = absl::StrCat("AWS4", signature.secret);
  for (const std::string& part :
       {day, signature.region, signature.service, std::string("aws4_request")}) {
    key = Hmac(key, part);
  }
  headers.emplace_back("Authorization",
                       absl::StrCat(kAlgorithm, " Credential=", signature.key_id, "/", scope,
                                    ", SignedHeaders=", names,
                                    ", Signature=", absl::BytesToHexString(Hmac(key, text))));
}

}  // namespace stackyard
