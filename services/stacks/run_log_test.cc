// The log of a run: at any offset, in the middle of anything, and however long.
#include "services/stacks/run_log.h"

#include "absl/strings/str_cat.h"
#include "services/stacks/test_env.h"

namespace stackyard::stacks {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kRun[] = "projects/web/stacks/shop/runs/1";

class RunLogTest : public StacksTest {
 protected:
  void Append(const std::string& text, const LogLimits& limits = {}) {
    ASSERT_TRUE(
        store_
            ->Write(Actor(),
                    [&](Change& change) { return AppendLog(change, kRun, size_, text, limits); })
            .ok());
    size_ += static_cast<int64_t>(text.size());
  }
  LogPart Read(int64_t offset, int64_t limit = 1 << 20) {
    const auto part =
        store_->ReadValue<LogPart>([&](soci::session& sql) -> absl::StatusOr<LogPart> {
          return ReadLog(sql, kRun, offset, limit);
        });
    EXPECT_TRUE(part.ok()) << part.status();
    return part.value_or(LogPart());
  }
  // All from an offset on, in parts of about `limit` bytes.
  std::string ReadAll(int64_t offset, int64_t limit) {
    std::string text;
    while (true) {
      const LogPart part = Read(offset, limit);
      if (part.text.empty()) return text;
      EXPECT_GT(part.next_offset, offset);
      text += part.text;
      offset = part.next_offset;
    }
  }

  int64_t size_ = 0;
};

STACKS_TEST_ON_BOTH(RunLogTest);

TEST_P(RunLogTest, AnyOffsetGoesOnToTheEnd) {
  std::string all;
  for (int i = 0; i < 50; ++i) {
    const std::string lines = absl::StrCat("line ", i, "\nand another\n");
    Append(lines);
    all += lines;
  }
  for (const int64_t limit : {1, 7, 100, 1 << 20}) {
    for (size_t offset = 0; offset <= all.size(); offset += 37) {
      EXPECT_EQ(ReadAll(static_cast<int64_t>(offset), limit), all.substr(offset)) << limit;
    }
  }
  EXPECT_EQ(Read(3, 20).text, "e 0\nand another\n") << "whole lines";
  EXPECT_EQ(Read(size_).text, "");
  EXPECT_EQ(Read(size_ + 1000).text, "") << "beyond the end there is nothing yet";
  Append("more\n");
  EXPECT_EQ(Read(size_ - 5).text, "more\n");
}

TEST_P(RunLogTest, CharactersStayWhole) {
  const std::string line = "€äx𝄞";
  std::string all;
  for (int i = 0; i < 100; ++i) all += line;
  Append(all + "\n");
  for (const int64_t limit : {1, 2, 3, 4, 5, 9}) {
    EXPECT_EQ(ReadAll(0, limit), all + "\n") << limit;
  }
  EXPECT_EQ(Read(1).text, all.substr(3) + "\n") << "the next one, for an offset within one";
  EXPECT_EQ(Read(2).text, all.substr(3) + "\n");
  EXPECT_EQ(Read(3).text, all.substr(3) + "\n");
}

TEST_P(RunLogTest, OfALongOneTheMiddleIsForgotten) {
  LogLimits limits;
  limits.head = 10'000;
  limits.tail = 30'000;
  std::string all;
  for (int i = 0; i < 5000; ++i) {
    const std::string line = absl::StrCat("line number ", 100'000 + i, "\n");
    Append(line, limits);
    all += line;
  }
  const int64_t stored = Count("SELECT SUM(LENGTH(text)) FROM run_logs");
  EXPECT_LT(stored, limits.head + 2 * limits.tail + 1000);
  const std::string shown = ReadAll(0, 5000);
  const size_t gap = shown.find('(');
  EXPECT_GE(gap, 10'000U);
  EXPECT_EQ(shown.substr(0, gap), all.substr(0, gap)) << "the beginning";
  const std::string rest = shown.substr(shown.find('\n', gap) + 1);
  EXPECT_GE(rest.size(), 30'000U);
  EXPECT_THAT(all, EndsWith(rest)) << "the end";
  const size_t missing = all.size() - gap - rest.size();
  EXPECT_THAT(shown,
              HasSubstr(absl::StrCat("\n(", missing, " bytes of the log are left out here)\n")));
  // Who comes in the middle of what was forgotten is told how much is missing from there on.
  const int64_t within = static_cast<int64_t>(gap) + 500;
  const LogPart part = Read(within, 10);
  EXPECT_EQ(part.text, absl::StrCat("(", missing - 500, " bytes of the log are left out here)\n"));
  EXPECT_EQ(part.next_offset, static_cast<int64_t>(all.size() - rest.size()));
  EXPECT_THAT(rest, StartsWith(Read(part.next_offset, 100).text));
}

TEST_P(RunLogTest, NothingIsForgottenOfAShortOne) {
  LogLimits limits;
  limits.head = 1000;
  limits.tail = 3000;
  std::string all;
  while (all.size() < 3900) {
    Append("some text\n", limits);
    all += "some text\n";
  }
  EXPECT_EQ(ReadAll(0, 1000), all);
}

}  // namespace
}  // namespace stackyard::stacks
