// How tests come by the program testing/fake_provider.cc, and speak to it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/runner/provider_binary.h"
#include "services/runner/provider_process.h"

namespace stackyard::runner {

// The program, as the provider `registry.terraform.io/test/fake`; another `source` makes it another
// provider.
ProviderBinary FakeProvider(const std::string& source = "registry.terraform.io/test/fake");

// What it answers to `/X/NAME`; empty when it does not.
std::string AskFake(const ProviderProcess& process, const std::string& name,
                    const std::string& request = "q");

}  // namespace stackyard::runner
