// What a credential may be. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "stackyard/v1/credentials.pb.h"

namespace stackyard::stacks {

// Adds what is wrong with a credential, its secrets included. No value, and no name that may be a
// value by mistake, is in the text.
void CheckCredential(const v1::Credential& credential, Violations& violations);

// Adds a violation for everything that both set for one provider. `other` is another credential of
// the project, with the names of its secret variables or with the variables themselves.
void CheckTogether(const v1::Credential& credential, const v1::Credential& other,
                   Violations& violations);

// Why no credential may set a variable: the runner sets it, it would change what programs do rather
// than who they are, or it names a file of the runner's. Empty: it may.
std::string WhyReserved(std::string_view variable);

}  // namespace stackyard::stacks
