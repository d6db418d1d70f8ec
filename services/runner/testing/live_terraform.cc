#include "services/runner/testing/live_terraform.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "services/runner/engine.h"
#include "services/runner/file.h"
#include "services/runner/process.h"
#include "services/runner/terraform.h"

namespace stackyard::runner {

LiveTerraform::LiveTerraform(const std::string& cli_config) {
  EXPECT_TRUE(WriteFile(configuration_.path() + "/rc", cli_config).ok());
}

void LiveTerraform::Write(const std::string& name, const std::string& content) {
  const std::filesystem::path path = folder_.path() + "/" + name;
  EXPECT_TRUE(MakeFolder(path.parent_path().string()).ok());
  EXPECT_TRUE(WriteFile(path.string(), content).ok());
}

std::string LiveTerraform::Read(const std::string& name) const {
  const auto content = ReadFile(folder_.path() + "/" + name);
  EXPECT_TRUE(content.ok()) << content.status();
  return content.value_or("");
}

std::string LiveTerraform::Run(const std::string& arguments) const {
  const char* wanted = getenv("STACKYARD_TERRAFORM");
  const auto engine = FindEngine(wanted == nullptr ? "" : wanted);
  EXPECT_TRUE(engine.ok()) << engine.status();
  if (!engine.ok()) return "";
  Command command;
  command.argv = {"/bin/sh", "-c", "exec '" + *engine + "' " + arguments};
  command.environment = {"PATH=/usr/bin:/bin",
                         "HOME=" + configuration_.path(),
                         "TF_CLI_CONFIG_FILE=" + configuration_.path() + "/rc",
                         "CHECKPOINT_DISABLE=1",
                         "TF_IN_AUTOMATION=1",
                         "AWS_EC2_METADATA_DISABLED=true"};
  command.directory = folder_.path();
  std::string out;
  std::string err;
  RunControl control;
  const auto outcome = RunProcess(
      command, control, {}, [&out](std::string_view bytes) { out += bytes; },
      [&err](std::string_view bytes) { err += bytes; });
  EXPECT_TRUE(outcome.ok() && outcome->ok()) << arguments << ": " << out << err;
  return out;
}

}  // namespace stackyard::runner
