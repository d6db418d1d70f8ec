// stackyard-runner: drives Terraform for the stacks service.
#include <iostream>

#include "common/log.h"
#include "common/server.h"
#include "services/runner/program.h"

int main(int argc, char** argv) {
  using namespace stackyard;  // NOLINT
  BlockSignals();
  SetLogService("runner");
  runner::ProgramOptions options;
  Flags flags("stackyard-runner", "Takes runs from the stacks service and drives Terraform");
  options.AddFlags(flags);
  flags.ParseOrExit(argc, argv);
  options.settings = flags.Settings();
  const absl::Status complete = runner::Complete(options);
  if (!complete.ok()) {
    std::cerr << "stackyard-runner: " << complete.message() << "\n";
    return 2;
  }
  if (options.preflight) {
    const auto code = runner::Program::Preflight(options);
    if (code.ok()) return *code;
    std::cerr << "stackyard-runner: " << code.status().message() << "\n";
    return 2;
  }
  const auto program = runner::Program::Start(options);
  if (!program.ok()) {
    std::cerr << "stackyard-runner: " << program.status().message() << "\n";
    return 2;
  }
  (*program)->RunUntilSignal();
  return 0;
}
