// An emulator of AWS, for tests with its real provider.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/runner/child_process.h"
#include "services/runner/file.h"
#include "services/runner/testing/files.h"

namespace stackyard::runner {

// A mirror that holds the AWS provider; empty: there is none. STACKYARD_PROVIDER_MIRROR says where.
std::string AwsMirror();

// moto_server, and what it holds.
class AwsEmulator {
 public:
  // Why it cannot run here; empty: it can.
  static std::string Missing();

  // Waits until it answers; fails the test when it does not within a minute.
  AwsEmulator();

  // `http://127.0.0.1:5000`.
  std::string url() const { return "http://" + address_; }
  // Names of all buckets, sorted.
  std::vector<std::string> Buckets() const;
  // What a GET answers, headers included; empty when nobody answers.
  std::string Get(const std::string& path) const;

 private:
  TempFolder folder_;
  int port_ = 0;
  std::string address_;
  std::unique_ptr<ChildProcess> process_;
};

// Takes connections and never answers.
class SilentServer {
 public:
  SilentServer();
  std::string url() const;
  // Waits until somebody has connected; fails the test after a minute.
  void WaitConnected() const;

 private:
  Fd socket_;
};

}  // namespace stackyard::runner
