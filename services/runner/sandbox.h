// How a command is confined.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "services/runner/file.h"

namespace stackyard::runner {

// A file or folder of the machine that a sandbox shows at the same path.
struct Bind {
  std::string path;
  bool writable = false;

  friend bool operator==(const Bind&, const Bind&) = default;
};

// A view of the machine made by bubblewrap: namespaces of its own, no capabilities, a root that is
// read-only and holds the system's programs and libraries, what name resolution and TLS need, an
// empty /tmp of 64 MiB, and `binds`.
struct Sandbox {
  // Path of the bubblewrap program.
  std::string bwrap;
  // Later ones lie over earlier ones.
  std::vector<Bind> binds;
  // Whether it shares the machine's network; without it there is a loopback of its own.
  bool network = false;
  // A compiled seccomp filter, see SeccompFilter; none: no filter.
  std::shared_ptr<const Fd> seccomp;

  friend bool operator==(const Sandbox&, const Sandbox&) = default;
};

// What is left empty confines nothing.
struct Confinement {
  std::shared_ptr<const Sandbox> sandbox;
  // User and group that the command becomes, without supplementary groups; 0: the runner's own.
  // Needs a runner that is root.
  uid_t uid = 0;
  // Files `cgroup.procs` of the control groups that it joins.
  std::vector<std::string> cgroups;
  // Largest file that it may write, in bytes; 0: any.
  int64_t max_file_bytes = 0;
  // Files that one process may hold open; 0: as many as the runner.
  int64_t max_open_files = 0;
};

// Whether both confine in the same way.
bool Same(const Confinement& one, const Confinement& other);

// What the program in a sandbox is started with.
struct SandboxedProgram {
  std::vector<std::string> environment;
  std::string directory;
  uid_t uid = 0;
};

// The arguments of bubblewrap, as it reads them from a file: each ends with a NUL. The descriptors
// are those that it inherits; -1: none.
std::string SandboxArguments(const Sandbox& sandbox, const SandboxedProgram& program, int status_fd,
                             int seccomp_fd, int passwd_fd, int group_fd);

// What /etc/passwd and /etc/group hold in the sandbox of a user.
std::string SandboxPasswd(uid_t uid);
std::string SandboxGroup(uid_t uid);

}  // namespace stackyard::runner
