#include "services/stacks/proposals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/proto_time.h"
#include "services/stacks/parameters.h"
#include "services/stacks/test_faults.h"

namespace stackyard::stacks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SuccessorTest : public testing::Test {
 protected:
  SuccessorTest() {
    from_.mutable_revision()->set_template_version("templates/shop/versions/1");
    from_.add_sensitive_parameters("password");
    (*from_.mutable_parameters()->mutable_fields())["password"].set_string_value("s3cret");
    version_.set_name("templates/shop/versions/2");
    *version_.mutable_lease()->mutable_max_duration() = ToProto(absl::Hours(10));
    password_ = version_.add_parameters();
    password_->set_name("password");
    password_->set_sensitive(true);
    *lease_.mutable_start_time() = ToProto(absl::UnixEpoch());
    *lease_.mutable_end_time() = ToProto(absl::UnixEpoch() + absl::Hours(10));
  }
  std::vector<std::string> Faults() {
    Violations violations;
    CheckSuccessor(lease_, from_, version_, sent_, violations);
    return FaultsOf(violations.ToStatus());
  }
  void Send(const std::string& value) {
    (*sent_.mutable_fields())["password"].set_string_value(value);
  }

  v1::Lease lease_;
  RevisionRecord from_;
  v1::TemplateVersion version_;
  v1::Parameter* password_ = nullptr;
  google::protobuf::Struct sent_;
};

TEST_F(SuccessorTest, ANewVersionOfTheTemplateIsFine) { EXPECT_THAT(Faults(), IsEmpty()); }

TEST_F(SuccessorTest, AnotherTemplateIsRefusedWhateverItsRules) {
  version_.set_name("templates/shop2/versions/2");
  EXPECT_THAT(Faults(), ElementsAre(HasSubstr("stack.template_version: must be a version of")));
}

TEST_F(SuccessorTest, ALeaseThatTheVersionWouldNotGiveIsRefused) {
  *lease_.mutable_end_time() = ToProto(absl::UnixEpoch() + absl::Hours(10) + absl::Seconds(1));
  EXPECT_THAT(Faults(), ElementsAre(HasSubstr("allows leases of at most 10h")));
}

TEST_F(SuccessorTest, ASecretIsNotShownBecauseItIsNoSecretAnyMore) {
  password_->set_sensitive(false);
  EXPECT_THAT(Faults(), ElementsAre(HasSubstr("stack.parameters.password: is no secret in")));
  // As it reads.
  Send(std::string(kMasked));
  EXPECT_THAT(Faults(), ElementsAre(HasSubstr("send its value anew")));
  Send("for all to see");
  EXPECT_THAT(Faults(), IsEmpty());
  sent_.Clear();
  from_.clear_parameters();
  EXPECT_THAT(Faults(), IsEmpty()) << "it never had a value";
}

}  // namespace
}  // namespace stackyard::stacks
