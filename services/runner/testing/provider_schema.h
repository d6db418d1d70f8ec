// Asks a provider for its schema, as Terraform does.
#pragma once

#include <set>
#include <string>

namespace stackyard::runner {

// The program of a provider in a mirror (`registry.terraform.io/hashicorp/aws`); empty: it is not
// there.
std::string ProviderProgram(const std::string& mirror, const std::string& source);

// Starts the program, and answers its GetProviderSchema.Response with these types alone; empty:
// all. The test fails when it does not answer.
std::string ReadProviderSchema(const std::string& program, const std::set<std::string>& types = {});

}  // namespace stackyard::runner
