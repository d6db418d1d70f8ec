// stackyard-quota: counts capacity.
#include "common/log.h"
#include "services/quota/service.h"

int main(int argc, char** argv) {
  using namespace stackyard;  // NOLINT
  BlockSignals();
  quota::Options options;
  Flags flags("stackyard-quota", "Counts capacity: limits, grants and reservations.");
  options.AddFlags(flags);
  flags.ParseOrExit(argc, argv);
  options.settings = flags.Settings();
  SetLogService("stackyard-quota");
  const auto code = quota::Serve(options);
  if (code.ok()) return *code;
  LogError("cannot start", {{"error", std::string(code.status().message())}});
  return 1;
}
