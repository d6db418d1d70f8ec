#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/text.h"
#include "common/proto_time.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "stackyard/v1/system.pb.h"

namespace stackyard::cli {
namespace {

void ShowStatus(Context& context, const v1::SystemStatus& status) {
  Fields fields;
  fields.Add("Version", status.version());
  fields.Add("Instance", status.instance());
  fields.Add("Up for", Age(status.start_time(), context.Now()));
  context.output().Show(fields);
  Table table({"NEEDS", "STATE", "TOOK", "VERSION", "ERROR", "+INSTANCE"});
  for (const v1::Dependency& one : status.dependencies()) {
    const absl::Duration took = FromProto(one.latency());
    table.Add(
        {one.name(), one.ok() ? "READY" : "FAILED",
         one.has_latency() ? absl::FormatDuration(absl::Trunc(took, absl::Microseconds(10))) : "",
         one.version(), one.error(), one.instance()});
  }
  if (!table.empty()) {
    context.output().out() << "\n";
    context.output().Show(table);
  }
}

// Scripts look at the exit code.
absl::Status Status(Context& context) {
  v1::GetSystemStatusRequest request;
  v1::SystemStatus status;
  RETURN_IF_ERROR(context.client().Call("SystemService/GetSystemStatus", request, &status));
  RETURN_IF_ERROR(context.output().Write(status, [&] { ShowStatus(context, status); }));
  if (status.ok()) return absl::OkStatus();
  return Error(v1::DEPENDENCY_UNAVAILABLE, "not everything that is needed answers");
}

absl::Status Configs(Context& context, const std::string& service) {
  v1::ListConfigsRequest request;
  v1::ListConfigsResponse response;
  RETURN_IF_ERROR(context.client().Call("SystemService/ListConfigs", request, &response));
  if (!service.empty()) {
    v1::ListConfigsResponse chosen;
    for (const v1::ServiceConfig& config : response.configs()) {
      if (config.service() == service) *chosen.add_configs() = config;
    }
    if (chosen.configs().empty()) return absl::NotFoundError("no service " + service + " answers");
    response = chosen;
  }
  return context.output().Write(response, [&] {
    Table table({"SERVICE", "FLAG", "VALUE", "FROM", "+INSTANCE", "+VERSION"});
    for (const v1::ServiceConfig& config : response.configs()) {
      for (const v1::Setting& setting : config.settings()) {
        table.Add({config.service(), setting.flag(),
                   !setting.secret() ? setting.value()
                   : setting.set()   ? "(secret)"
                                     : "(not set)",
                   setting.source(), config.instance(), config.version()});
      }
    }
    context.output().Show(table);
  });
}

}  // namespace

void AddSystemCommands(Command root, Context& context) {
  root.Sub("status", "Show who answers, and whether all that it needs does").Run([&context] {
    return Status(context);
  });
  const auto service = std::make_shared<std::string>();
  root.Sub("configs", "How the services are configured")
      .Sub("list", "List the effective configuration, without secrets")
      .Argument("SERVICE", service.get(), "Only of this one", false)
      .Run([&context, service] { return Configs(context, *service); });
}

}  // namespace stackyard::cli
