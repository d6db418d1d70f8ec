#include "common/flags.h"

#include <gmock/gmock.h>
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

TEST(FlagsTest, SettingsTellValuesAndWhereTheyCameFrom) {
  const auto path = std::filesystem::temp_directory_path() / ("flags-" + RandomId());
  std::ofstream(path) << "slots=7\n";
  setenv("STACKYARD_DRAIN", "90s", 1);
  std::string target = "default", database, secret, unset;
  int slots = 4;
  bool direct = true;
  absl::Duration drain;
  std::vector<std::string> networks;
  Flags flags("test", "a test");
  flags.Add("quota-target", &target, "target");
  flags.Add("database", &database, "database");
  flags.Add("secret", &secret, "secret");
  flags.Add("unset", &unset, "unset");
  flags.Add("slots", &slots, "slots");
  flags.Add("direct", &direct, "direct");
  flags.Add("drain", &drain, "drain");
  flags.Add("networks", &networks, "networks");
  flags.MarkSecret("secret");
  flags.MarkSecret("unset");
  const std::string file = path.string();
  const char* argv[] = {
      "test",     "--flagfile", file.c_str(),  "--database=postgresql://a:hunter2@db/q",
      "--secret", "hunter3",    "--no-direct", "--networks=10.0.0.0/8,fd00::/8"};
  flags.ParseOrExit(static_cast<int>(std::size(argv)), const_cast<char**>(argv));
  unsetenv("STACKYARD_DRAIN");
  std::filesystem::remove(path);

  std::map<std::string, std::string> told;
  for (const FlagSetting& setting : flags.Settings()) {
    told[setting.flag] = setting.value + " | " + setting.source +
                         (setting.secret ? " | secret" : "") + (setting.set ? " | set" : "");
  }
  EXPECT_THAT(told, testing::ElementsAre(
                        testing::Pair("database", "postgresql://a:***@db/q | command line | set"),
                        testing::Pair("direct", "false | command line | set"),
                        testing::Pair("drain", "1m30s | environment | set"),
                        testing::Pair("networks", "10.0.0.0/8,fd00::/8 | command line | set"),
                        testing::Pair("quota-target", "default | default | set"),
                        testing::Pair("secret", " | command line | secret | set"),
                        testing::Pair("slots", "7 | file | set"),
                        testing::Pair("unset", " | default | secret")));
}

TEST(FlagsTest, BooleansCanBeSwitchedOff) { EXPECT_FALSE(Parse({"--no-direct"}).direct); }

TEST(FlagsDeathTest, MistakesEndWithOneClearLine) {
  EXPECT_EXIT(Parse({"--slots=many"}), testing::ExitedWithCode(2), "test: .*slots");
  EXPECT_EXIT(Parse({"--nonsense"}), testing::ExitedWithCode(2), "nonsense");
  EXPECT_EXIT(Parse({"--drain=soon"}), testing::ExitedWithCode(2), "duration like 30s");
}

}  // namespace
}  // namespace stackyard
