#include "common/flags.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/id.h"

namespace stackyard {
namespace {

struct Options {
  std::string target = "default";
  int slots = 4;
  bool direct = true;
  absl::Duration drain = absl::Seconds(20);
};

Options Parse(std::vector<std::string> arguments) {
  Options options;
  Flags flags("test", "a test");
  flags.Add("quota-target", &options.target, "target");
  flags.Add("slots", &options.slots, "slots");
  flags.Add("direct", &options.direct, "direct");
  flags.Add("drain", &options.drain, "drain");
  arguments.insert(arguments.begin(), "test");
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  flags.ParseOrExit(static_cast<int>(argv.size()), argv.data());
  return options;
}

TEST(FlagsTest, CommandLineWinsOverEnvironmentOverFile) {
  const auto path = std::filesystem::temp_directory_path() / ("flags-" + RandomId());
  std::ofstream(path) << "quota-target=\"file\"\nslots=7\ndrain=\"1m\"\n";
  setenv("STACKYARD_SLOTS", "8", 1);
  const Options options = Parse({"--flagfile", path.string(), "--quota-target=cli"});
  unsetenv("STACKYARD_SLOTS");
  std::filesystem::remove(path);
  EXPECT_EQ(options.target, "cli");
  EXPECT_EQ(options.slots, 8);
  EXPECT_EQ(options.drain, absl::Minutes(1));
  EXPECT_TRUE(options.direct);
}

TEST(FlagsTest, BooleansCanBeSwitchedOff) { EXPECT_FALSE(Parse({"--no-direct"}).direct); }

TEST(FlagsDeathTest, MistakesEndWithOneClearLine) {
  EXPECT_EXIT(Parse({"--slots=many"}), testing::ExitedWithCode(2), "test: .*slots");
  EXPECT_EXIT(Parse({"--nonsense"}), testing::ExitedWithCode(2), "nonsense");
  EXPECT_EXIT(Parse({"--drain=soon"}), testing::ExitedWithCode(2), "duration like 30s");
}

}  // namespace
}  // namespace stackyard
