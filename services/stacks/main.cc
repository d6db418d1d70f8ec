// stackyard-stacks: the catalogue, stacks, change requests, runs, states and events.
#include "common/log.h"
#include "services/stacks/service.h"

int main(int argc, char** argv) {
  using namespace stackyard;
  BlockSignals();
  stacks::Options options;
  options.server.service = "stacks";
  options.server.listen = "127.0.0.1:7301";
  Flags flags("stackyard-stacks", "Owns the catalogue, stacks, change requests, runs and events.");
  options.AddFlags(flags);
  flags.ParseOrExit(argc, argv);
  options.settings = flags.Settings();
  SetLogService(options.server.service);
  const auto code = stacks::Serve(options);
  if (code.ok()) return *code;
  LogError("cannot start", {{"error", std::string(code.status().message())}});
  return 1;
}
