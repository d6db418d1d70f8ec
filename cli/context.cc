#include "cli/context.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace stackyard::cli {

absl::Status Context::Resolve() {
  const auto variable = [this](const std::string& name) {
    return environment_.variable(name).value_or("");
  };
  if (flags.endpoint.empty()) flags.endpoint = variable("STACKYARD_ENDPOINT");
  if (flags.endpoint.empty()) flags.endpoint = "127.0.0.1:8081";
  if (flags.project.empty()) flags.project = variable("STACKYARD_PROJECT");
  ASSIGN_OR_RETURN(const Format format, ReadFormat(flags.output));
  const bool color = environment_.out_is_terminal && !flags.no_color &&
                     variable("NO_COLOR").empty() && variable("TERM") != "dumb";
  output_ = std::make_unique<Output>(format, color, environment_.out);
  return ResolveToken();
}

absl::Status Context::ResolveToken() {
  if (!flags.token.empty()) return absl::OkStatus();
  if (flags.token_file.empty()) {
    flags.token = environment_.variable("STACKYARD_TOKEN").value_or("");
    if (!flags.token.empty()) return absl::OkStatus();
    flags.token_file = environment_.variable("STACKYARD_TOKEN_FILE").value_or("");
  }
  if (flags.token_file.empty()) {
    const auto config = environment_.variable("XDG_CONFIG_HOME");
    const auto home = environment_.variable("HOME");
    if (!config && !home) return absl::OkStatus();
    const std::string file =
        (config && !config->empty() ? *config : home.value_or("") + "/.config") +
        "/stackyard/token";
    // Only a file that was asked for has to be there.
    if (!std::filesystem::exists(file)) return absl::OkStatus();
    flags.token_file = file;
  }
  ASSIGN_OR_RETURN(const std::string text, ReadFile("token-file", flags.token_file));
  flags.token = std::string(absl::StripAsciiWhitespace(text));
  return absl::OkStatus();
}

Client& Context::client() {
  if (client_ == nullptr) {
    client_ = std::make_unique<Client>(
        Client::Options{flags.endpoint, flags.token, environment_.interrupted});
  }
  return *client_;
}

void Context::Note(const std::string& line) const {
  if (output_->format() == Format::kTable) environment_.err << line << std::endl;
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
