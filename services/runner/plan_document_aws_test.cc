// Plans of a real provider: its schema, its nested blocks, and what only the schema calls secret.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "services/runner/file.h"
#include "services/runner/terraform.h"
#include "services/runner/testing/live_terraform.h"
#include "services/runner/testing/plan_oracle.h"
#include "services/runner/testing/provider_schema.h"

namespace stackyard::runner {
namespace {

using internal::v1::PlanSummary;
using testing::HasSubstr;
using testing::Not;

constexpr char kSource[] = "registry.terraform.io/hashicorp/aws";

// Nothing of this needs the network to be planned.
constexpr char kModule[] = R"(
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_region_validation      = true
}
provider "aws" {
  alias                       = "other"
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}
variable "token" {
  type      = string
  sensitive = true
  default   = "secret-of-a-variable"
}
data "aws_iam_policy_document" "read" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::b/*"]
  }
}
data "aws_iam_policy_document" "late" {
  statement {
    actions   = ["s3:GetObject"]
    resources = [aws_s3_bucket.b.arn]
  }
}
resource "aws_s3_bucket" "b" {
  provider = aws.other
  bucket   = "a-bucket"
  tags     = { "a.b" = "c", token = var.token }
}
resource "aws_iam_policy" "p" {
  name   = "p"
  policy = data.aws_iam_policy_document.read.json
}
resource "aws_security_group" "g" {
  name = "g"
  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8", "192.168.0.0/16"]
  }
  ingress {
    from_port   = 80
    to_port     = 80
    protocol    = "tcp"
    description = aws_s3_bucket.b.arn
  }
}
resource "aws_instance" "i" {
  count         = 2
  ami           = "ami-12345678"
  instance_type = "t3.micro"
  user_data     = var.token
  root_block_device {
    volume_size = 20
  }
  ebs_block_device {
    device_name = "/dev/sdf"
    volume_size = 5
  }
  vpc_security_group_ids = [aws_security_group.g.id]
}
resource "aws_db_instance" "d" {
  allocated_storage = 10
  engine            = "postgres"
  instance_class    = "db.t3.micro"
  username          = "root"
  password          = "schema-secret-password"
}
resource "aws_ssm_parameter" "s" {
  name  = "/a/b"
  type  = "SecureString"
  value = "schema-secret-value"
}
resource "aws_secretsmanager_secret" "s" { name = "s" }
resource "aws_secretsmanager_secret_version" "v" {
  secret_id     = aws_secretsmanager_secret.s.id
  secret_string = jsonencode({ key = "schema-secret-json" })
}
resource "aws_autoscaling_group" "a" {
  max_size           = 3
  min_size           = 1
  availability_zones = ["eu-west-1b", "eu-west-1a"]
  launch_template {
    id = aws_launch_template.t.id
  }
  dynamic "tag" {
    for_each = { a = "1", b = var.token }
    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }
}
resource "aws_launch_template" "t" {
  block_device_mappings {
    device_name = "/dev/sda1"
    ebs {
      volume_size = 8
      iops        = 3000
    }
  }
}
)";

class AwsPlanTest : public testing::Test {
 protected:
  AwsPlanTest()
      : mirror_(getenv("STACKYARD_PROVIDER_MIRROR") == nullptr
                    ? ""
                    : getenv("STACKYARD_PROVIDER_MIRROR")),
        program_(ProviderProgram(mirror_, kSource)) {}
  void SetUp() override {
    if (program_.empty()) GTEST_SKIP() << "no provider: set STACKYARD_PROVIDER_MIRROR";
  }

  const std::string mirror_;
  const std::string program_;
};

TEST_F(AwsPlanTest, TellsTheSameAndKeepsWhatTheSchemaCallsSecret) {
  ResourceSchemas schemas;
  const absl::Status added = schemas.AddProvider(kSource, ReadProviderSchema(program_));
  ASSERT_TRUE(added.ok()) << added;
  LiveTerraform terraform(CliConfig(mirror_, /*direct=*/false));
  terraform.Write("main.tf", kModule);
  terraform.Run("init -input=false");
  terraform.Run("plan -input=false -out=plan");
  const std::string plan = terraform.Read("plan");
  const std::string shown = terraform.Run("show -json plan");
  for (const char* secret : {"schema-secret-password", "schema-secret-value", "schema-secret-json",
                             "secret-of-a-variable"}) {
    ASSERT_THAT(shown, HasSubstr(secret));
  }
  const PlanSummary summary = ExpectSame(
      plan, shown, "aws_instance",
      {"root_block_device.0.volume_size", "ebs_block_device.0.volume_size", "ami", "instance_type",
       "user_data", "arn", "vpc_security_group_ids", "credit_specification"},
      schemas);
  EXPECT_EQ(summary.plan().to_create(), 11);
  EXPECT_EQ(summary.resources_size(), 11);
  EXPECT_THAT(summary.DebugString(), Not(HasSubstr("schema-secret")));
  EXPECT_THAT(summary.DebugString(), Not(HasSubstr("secret-of-a-variable")));
  bool found = false;
  for (const v1::ResourceChange& change : summary.plan().changes()) {
    for (const v1::AttributeChange& attribute : change.attributes()) {
      if (change.type() != "aws_db_instance" || attribute.path() != "password") continue;
      EXPECT_TRUE(attribute.sensitive());
      found = true;
    }
  }
  EXPECT_TRUE(found);
}

// testdata/record.sh writes it anew with STACKYARD_RECORD.
TEST_F(AwsPlanTest, TheRecordedSchemaIsTheProviders) {
  const std::string schema = ReadProviderSchema(
      program_, {"aws_s3_bucket", "aws_sqs_queue", "aws_ebs_volume", "aws_ssm_parameter"});
  ASSERT_FALSE(schema.empty());
  if (const char* path = getenv("STACKYARD_RECORD"); path != nullptr) {
    ASSERT_TRUE(WriteFile(path, schema, 0644).ok());
  }
  ResourceSchemas live, recorded;
  ASSERT_TRUE(live.AddProvider(kSource, schema).ok());
  ASSERT_TRUE(recorded.AddProvider(kSource, TestData("aws.schema")).ok());
  for (const char* type :
       {"aws_s3_bucket", "aws_sqs_queue", "aws_ebs_volume", "aws_ssm_parameter"}) {
    const ResourceSchema* one = live.Find(kSource, ResourceMode::kManaged, type);
    const ResourceSchema* other = recorded.Find(kSource, ResourceMode::kManaged, type);
    ASSERT_NE(one, nullptr) << type;
    ASSERT_NE(other, nullptr) << type;
    EXPECT_EQ(one->type(), other->type()) << type;
  }
}

}  // namespace
}  // namespace stackyard::runner
