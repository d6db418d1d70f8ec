// The examples of "Signature Calculations for the Authorization Header" in Amazon's S3 API
// reference: with their keys and date the signatures have to be theirs.
#include "common/aws_signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/id.h"

namespace stackyard {
namespace {

using testing::HasSubstr;

constexpr char kHost[] = "https://examplebucket.s3.amazonaws.com";

std::string Authorization(std::string_view method, const std::string& path, HttpHeaders headers,
                          std::string_view body = "") {
  headers.emplace_back("x-amz-content-sha256", Sha256Hex(body));
  SignAws({"us-east-1", "s3", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
          method, absl::StrCat(kHost, path),
          absl::FromCivil(absl::CivilDay(2013, 5, 24), absl::UTCTimeZone()), headers);
  EXPECT_EQ(headers.back().first, "Authorization");
  return headers.back().second;
}

TEST(AwsSignatureTest, GetsAnObject) {
  EXPECT_EQ(Authorization("GET", "/test.txt", {{"Range", "bytes=0-9"}}),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(AwsSignatureTest, PutsAnObjectWithAnEscapedName) {
  EXPECT_THAT(
      Authorization("PUT", "/test%24file.text",
                    {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                    "Welcome to Amazon S3."),
      HasSubstr("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(AwsSignatureTest, AsksWithAParameterThatHasNoValue) {
  EXPECT_THAT(
      Authorization("GET", "/?lifecycle", {}),
      HasSubstr("Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST(AwsSignatureTest, ListsObjectsInWhicheverOrderTheParametersAre) {
  for (const char* path : {"/?max-keys=2&prefix=J", "?prefix=J&max-keys=2"}) {
    EXPECT_THAT(
        Authorization("GET", path, {}),
        HasSubstr("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"))
        << path;
  }
}

TEST(AwsSignatureTest, HeadersAreInTheOrderOfTheirNames) {
  EXPECT_THAT(Authorization("PUT", "/a",
                            {{"x-amz-server-side-encryption-aws-kms-key-id", "key"},
                             {"X-Amz-Server-Side-Encryption", "aws:kms"}}),
              HasSubstr("SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
                        "x-amz-server-side-encryption;"
                        "x-amz-server-side-encryption-aws-kms-key-id, "));
}

}  // namespace
}  // namespace stackyard
