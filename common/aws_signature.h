// AWS Signature Version 4. libcurl's own (7.88) puts headers in a wrong order when the name of one
// is the beginning of another's, as those of encryption are.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace stackyard {

struct AwsSignature {
  std::string region;
  // `s3`.
  std::string service;
  std::string key_id;
  std::string secret;
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// Adds `x-amz-date` and `Authorization`. Every header is signed, and `Host` as the URL says it; the
// headers hold `x-amz-content-sha256`. What stands in the path and the query is escaped once, as S3
// wants it; a parameter without `=` is one with an empty value.
void SignAws(const AwsSignature& signature, std::string_view method, std::string_view url,
             absl::Time now, HttpHeaders& headers);

}  // namespace stackyard
