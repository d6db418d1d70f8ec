// What a run shows to clouds.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/runner/aws_files.h"
#include "stackyard/internal/v1/run_queue.pb.h"

namespace stackyard::runner {

// Variables by name.
using Environment = std::map<std::string, std::string>;

// The runner's own identity, as its pod has it. Runs see copies of the tokens, and only runs of
// projects with a credential that asks for them. Empty members: there is none.
struct RunnerIdentity {
  std::string web_identity_token_file;
  std::string container_credentials_uri;
  std::string container_token_file;

  // From AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CONTAINER_CREDENTIALS_FULL_URI and
  // AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE of this process.
  static RunnerIdentity FromEnvironment();
};

// What a run's credentials are made from besides its assignment.
struct CredentialSite {
  RunnerIdentity identity;
  // What every run gets of the runner's environment (--pass-env).
  Environment passed;
  // Folder where copies of tokens lie; whoever reads them must be able to enter it.
  std::string tokens;
  // Sources of the providers that the module uses. For Terraform itself, whose environment all
  // providers inherit that it starts.
  std::vector<std::string> providers;
};

// A token of the runner's that must be kept in a file of the run, see TokenCopies.
struct TokenCopy {
  std::string from;
  std::string to;

  friend bool operator==(const TokenCopy& a, const TokenCopy& b) {
    return a.from == b.from && a.to == b.to;
  }
};

struct RunCredentials {
  // For Terraform, and for a provider that is started for this run: everything, what is passed
  // included.
  Environment environment;
  // The same for a provider that runs already, with ProcessEnvironment and with AWS_CONFIG_FILE and
  // AWS_SHARED_CREDENTIALS_FILE of its own. Absent: files alone cannot tell it. For hashicorp/aws
  // only.
  std::optional<AwsFiles> aws_files;
  // Equal for equal credentials only; where tokens lie makes no difference. Made from secrets: it
  // stays in memory.
  std::string fingerprint;
  // Files that must be there, and fresh, while something uses these credentials.
  std::vector<TokenCopy> tokens;
};

// Credentials of a run for one provider, `registry.terraform.io/hashicorp/aws`; for Terraform
// itself, which starts providers the plain way, `provider_source` is empty. RUN_FAILED, with the
// names of the credentials, when two of them contradict each other or the runner lacks the identity
// that one of them asks for.
absl::StatusOr<RunCredentials> MakeRunCredentials(const internal::v1::Assignment& assignment,
                                                  std::string_view provider_source,
                                                  const CredentialSite& site);

// What a provider that is started ahead of its run gets of `passed`: all that files cannot tell,
// and AWS_EC2_METADATA_DISABLED, so that nobody becomes the machine that the runner is on.
Environment ProcessEnvironment(const Environment& passed);

// What commands get that run without credentials: init, validate.
Environment BareEnvironment(const Environment& passed);

// Whether two sources name one provider: the default registries of Terraform and OpenTofu may be
// left out, and hold the same.
bool IsSameProvider(std::string_view a, std::string_view b);

// Sources of the providers in a dependency lock file, `.terraform.lock.hcl`.
std::vector<std::string> LockedProviders(std::string_view lock_file);

}  // namespace stackyard::runner
