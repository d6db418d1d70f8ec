#include "cli/context.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/config.h"
#include "cli/endpoint.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::cli {

absl::Status Context::ResolveOutput() {
  ASSIGN_OR_RETURN(const Format format, ReadFormat(flags.output));
  TableStyle style;
  style.color = environment_.out_is_terminal && !flags.no_color &&
                environment_.Variable("NO_COLOR").empty() &&
                environment_.Variable("TERM") != "dumb";
  style.headers = !flags.no_headers;
  style.wide = flags.output == "wide";
  if (!flags.columns.empty()) style.columns = absl::StrSplit(flags.columns, ',');
  output_ = std::make_unique<Output>(format, std::move(style), environment_.out);
  return absl::OkStatus();
}

absl::Status Context::Resolve() {
  ASSIGN_OR_RETURN(const Config config, LoadConfig(environment_));
  ASSIGN_OR_RETURN(Settings settings, Settle(flags, environment_, config));
  return Use(std::move(settings));
}

absl::Status Context::Use(Settings settings) {
  settings_ = std::move(settings);
  const std::string& ca_file = settings_.ca_file.value;
  ASSIGN_OR_RETURN(
      const Endpoint endpoint,
      ReadEndpoint(settings_.endpoint.value, !settings_.plaintext.value.empty(), !ca_file.empty()));
  std::string ca;
  if (!ca_file.empty()) {
    ASSIGN_OR_RETURN(ca, ReadFile("ca-file", ca_file));
    if (ca.empty()) return InvalidField("ca-file", ca_file + " is empty");
  }
  token_ = std::make_unique<TokenSource>(
      settings_.from_login ? TokenSource::OfContext(environment_, settings_.context.value)
                           : TokenSource(environment_, settings_.token.value));
  Client::Options options;
  options.endpoint = endpoint;
  options.ca_pem = std::move(ca);
  options.token = [this] { return token_->Token(); };
  options.interrupted = environment_.interrupted;
  options.pause = environment_.pause;
  client_ = std::make_unique<Client>(std::move(options));
  return absl::OkStatus();
}

void Context::Note(const std::string& line) const {
  if (output_->format() == Format::kTable) environment_.err << line << std::endl;
}

absl::StatusOr<std::string> ReadFileOrInput(const Environment& environment,
                                            const std::string& field, const std::string& path) {
  if (path != "-") return ReadFile(field, path);
  if (environment.in == nullptr)
    return InvalidField(field, "nothing comes through the standard input");
  std::ostringstream text;
  // An empty input sets the failure bit.
  text << environment.in->rdbuf();
  return text.str();
}

absl::StatusOr<std::string> ReadFile(const std::string& field, const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in || std::filesystem::is_directory(path) || !(text << in.rdbuf())) {
    // An empty file sets the failure bit too.
    if (in.is_open() && !std::filesystem::is_directory(path)) return std::string();
    return InvalidField(field, absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  }
  return text.str();
}

absl::Status WriteFile(const std::string& field, const std::string& path, const std::string& data,
                       int mode) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  const auto fault = [&] {
    return InvalidField(field, absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
  };
  if (fd < 0) return fault();
  // A file that was there before may be open to others.
  absl::Status status = fchmod(fd, mode) == 0 ? absl::OkStatus() : fault();
  for (size_t done = 0; status.ok() && done < data.size();) {
    const ssize_t n = write(fd, data.data() + done, data.size() - done);
    if (n < 0) {
      status = fault();
    } else {
      done += n;
    }
  }
  if (close(fd) != 0 && status.ok()) status = fault();
  return status;
}

}  // namespace stackyard::cli
