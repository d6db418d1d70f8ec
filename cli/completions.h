// Names from the server, for completion.
#pragma once

#include <string>

#include "cli/command.h"
#include "cli/context.h"

namespace stackyard::cli {

// Adds the names that the value of `completion` may have. Asks the server, but never for long; what
// it says is remembered for some seconds in the cache folder. Offers nothing where anything goes
// wrong.
void AddNames(Context& context, Completion& completion);

// Whether files of this machine may stand there.
bool TakesFiles(const Completion& completion);

// Offers as completion scripts read them: word, tab, about.
std::string CompletionText(const Completion& completion);

}  // namespace stackyard::cli
