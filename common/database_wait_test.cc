#include "common/database_wait.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "common/server.h"

namespace stackyard {
namespace {

// A database that is there at the nth look.
class Late {
 public:
  explicit Late(int from, absl::Status until = absl::UnavailableError("nobody answers"))
      : from_(from), until_(std::move(until)) {}
  absl::StatusOr<int> operator()() const {
    if (++looks < from_) return until_;
    return looks;
  }
  mutable int looks = 0;

 private:
  const int from_;
  const absl::Status until_;
};

TEST(DatabaseWaitTest, WaitsWhileNobodyAnswers) {
  const Late late(2);
  EXPECT_EQ(OpenWithin(absl::Minutes(1), late).value_or(0), 2);
}

TEST(DatabaseWaitTest, AnErrorThatWaitingDoesNotMendIsAnsweredAtOnce) {
  const Late late(2, absl::FailedPreconditionError("the schema is too new"));
  EXPECT_TRUE(absl::IsFailedPrecondition(OpenWithin(absl::Minutes(1), late).status()));
  EXPECT_EQ(late.looks, 1);
}

TEST(DatabaseWaitTest, WithoutALimitItFailsAtOnceAndWithOneInTime) {
  const Late late(1000);
  EXPECT_TRUE(absl::IsUnavailable(OpenWithin(absl::ZeroDuration(), late).status()));
  EXPECT_EQ(late.looks, 1);
  const absl::Time start = absl::Now();
  EXPECT_TRUE(absl::IsUnavailable(OpenWithin(absl::Milliseconds(50), late).status()));
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(50));
}

TEST(DatabaseWaitTest, ASignalEndsTheWait) {
  BlockSignals();
  const Late late(1000);
  kill(getpid(), SIGTERM);
  EXPECT_TRUE(absl::IsUnavailable(OpenWithin(absl::Hours(1), late).status()));
  EXPECT_EQ(late.looks, 1);
}

}  // namespace
}  // namespace stackyard
