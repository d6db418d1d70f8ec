#include "services/runner/sandbox.h"

#include <filesystem>
#include <initializer_list>
#include <string_view>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace stackyard::runner {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kTmpBytes = "67108864";

// Links on most systems, folders on older ones.
constexpr const char* kSystemFolders[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"};

// What programs need to start, to resolve names, to tell the time and to check certificates.
constexpr const char* kSystemFiles[] = {
    "/etc/alternatives",  "/etc/gai.conf",      "/etc/host.conf",
    "/etc/hosts",         "/etc/ld.so.cache",   "/etc/localtime",
    "/etc/nsswitch.conf", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted",
    "/etc/protocols",     "/etc/resolv.conf",   "/etc/services",
    "/etc/ssl/certs",     "/etc/ssl/cert.pem",  "/etc/ssl/openssl.cnf"};

class Arguments {
 public:
  void Add(std::initializer_list<std::string_view> items) {
    for (const std::string_view item : items) {
      text_.append(item);
      text_.push_back('\0');
    }
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

void AddSystem(Arguments& arguments) {
  std::error_code error;
  for (const char* folder : kSystemFolders) {
    if (fs::is_symlink(folder, error)) {
      arguments.Add({"--symlink", fs::read_symlink(folder, error).string(), folder});
    } else {
      arguments.Add({"--ro-bind-try", folder, folder});
    }
  }
  for (const char* file : kSystemFiles) arguments.Add({"--ro-bind-try", file, file});
}

}  // namespace

std::string SandboxArguments(const Sandbox& sandbox, const SandboxedProgram& program, int status_fd,
                             int seccomp_fd, int passwd_fd, int group_fd) {
  Arguments arguments;
  // --unshare-all alone would go on without a user namespace.
  arguments.Add({"--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent",
                 "--new-session", "--cap-drop", "ALL", "--hostname", "run"});
  if (sandbox.network) arguments.Add({"--share-net"});
  arguments.Add({"--json-status-fd", std::to_string(status_fd)});
  if (seccomp_fd >= 0) arguments.Add({"--seccomp", std::to_string(seccomp_fd)});
  AddSystem(arguments);
  if (passwd_fd >= 0) arguments.Add({"--file", std::to_string(passwd_fd), "/etc/passwd"});
  if (group_fd >= 0) arguments.Add({"--file", std::to_string(group_fd), "/etc/group"});
  arguments.Add({"--proc", "/proc", "--dev", "/dev", "--size", kTmpBytes, "--tmpfs", "/tmp"});
  for (const Bind& bind : sandbox.binds) {
    arguments.Add({bind.writable ? "--bind" : "--ro-bind", bind.path, bind.path});
  }
  arguments.Add({"--remount-ro", "/", "--chdir", program.directory, "--clearenv"});
  for (const std::string& variable : program.environment) {
    const size_t sign = variable.find('=');
    if (sign == std::string::npos) continue;
    arguments.Add({"--setenv", std::string_view(variable).substr(0, sign),
                   std::string_view(variable).substr(sign + 1)});
  }
  return arguments.Take();
}

std::string SandboxPasswd(uid_t uid) {
  return absl::StrCat("run:x:", uid, ":", uid, "::/:/usr/sbin/nologin\n");
}

std::string SandboxGroup(uid_t uid) { return absl::StrCat("run:x:", uid, ":\n"); }

}  // namespace stackyard::runner
