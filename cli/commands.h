// The commands, one function per noun; each lives in a file of that name.
#pragma once

#include "cli/command.h"
#include "cli/context.h"

namespace stackyard::cli {

// The context must outlive the tree.
void AddTemplateCommands(Command root, Context& context);
void AddStackCommands(Command root, Context& context);
// create, update, delete and the other changes, below `stacks`.
void AddStackChangeCommands(Command stacks, Context& context);
// files and download, below `stacks`.
void AddStackFileCommands(Command stacks, Context& context);
// watch, below `stacks`.
void AddStackWatchCommand(Command stacks, Context& context);
void AddKubeconfigCommand(Command root, Context& context);
// apply and diff.
void AddApplyCommands(Command root, Context& context);
void AddExportCommand(Command root, Context& context);
void AddRunCommands(Command root, Context& context);
void AddStateCommands(Command root, Context& context);
void AddRequestCommands(Command root, Context& context);
void AddQuotaCommands(Command root, Context& context);
// grants and reservations, below `quota`.
void AddQuotaGrantCommands(Command quota, Context& context);
// request, below `quota`.
void AddQuotaRequestCommand(Command quota, Context& context);
void AddOperationCommands(Command root, Context& context);
void AddProjectCommands(Command root, Context& context);
// users, tokens, bindings and whoami.
void AddIdentityCommands(Command root, Context& context);
// roles and permissions.
void AddRoleCommands(Command root, Context& context);
// denials and identity-providers.
void AddDenialCommands(Command root, Context& context);
void AddDocumentCommands(Command root, Context& context);
// status and configs.
void AddSystemCommands(Command root, Context& context);
void AddLoginCommands(Command root, Context& context);
// contexts and logout.
void AddContextCommands(Command root, Context& context);
void AddEventCommands(Command root, Context& context);
void AddChannelCommands(Command root, Context& context);
void AddCredentialCommands(Command root, Context& context);
void AddNoticeCommands(Command root, Context& context);
// completion and version.
void AddCompletionCommands(Command root, Context& context);
// help and man; they tell of `tree`.
void AddHelpCommands(Command root, Context& context, const CommandTree& tree);

}  // namespace stackyard::cli
