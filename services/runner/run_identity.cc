#include "services/runner/run_identity.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "services/runner/file.h"

namespace stackyard::runner {

absl::StatusOr<CredentialSite> CredentialSiteOf(const RunContext& context,
                                                const std::string& tokens) {
  CredentialSite site;
  site.identity = context.parts.identity;
  site.passed = context.parts.terraform.passed_environment();
  site.tokens = tokens;
  // Without providers there is no lock file.
  const auto lock =
      ReadFileOfRun(absl::StrCat(context.folder.module(), "/", std::string(kLockFile)), 1 << 20);
  if (!lock.ok() && !absl::IsNotFound(lock.status())) return lock.status();
  if (lock.ok()) site.providers = LockedProviders(*lock);
  return site;
}

absl::Status TakeCredentials(RunContext& context) {
  const std::string folder = context.folder.path() + "/identity";
  ASSIGN_OR_RETURN(const CredentialSite site, CredentialSiteOf(context, folder));
  ASSIGN_OR_RETURN(context.credentials, MakeRunCredentials(context.assignment, "", site));
  if (context.credentials->tokens.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(MakeFolder(folder));
  ASSIGN_OR_RETURN(context.tokens, TokenCopies::Start(context.credentials->tokens));
  return absl::OkStatus();
}

}  // namespace stackyard::runner
