// Command stackyard-inspect reads a Terraform module without running Terraform and prints what it
// declares as one JSON object. It evaluates nothing but literals and opens nothing outside the
// directory it is given, so it is safe on modules that nobody has looked at yet.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

// A module that is nested past all reason must not take the machine's memory with it.
const maxStackBytes = 256 << 20

func main() {
	debug.SetMaxStack(maxStackBytes)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// inspectWith holds the report against the policy in a file; an empty name is no policy.
func inspectWith(policyFile, dir string) (*Report, error) {
	if policyFile == "" {
		return Inspect(dir)
	}
	policy, err := readPolicy(policyFile)
	if err != nil {
		return nil, err
	}
	report, err := Inspect(dir)
	if err == nil {
		policy.hold(report)
	}
	return report, err
}

// run returns the exit code: 0 when the directory could be read, even when it holds errors, else 2.
func run(args []string, stdout, stderr io.Writer) int {
	policyFile := ""
	if len(args) > 1 && args[0] == "-policy" {
		policyFile, args = args[1], args[2:]
	}
	if len(args) != 1 || args[0] == "" || args[0][0] == '-' {
		fmt.Fprintln(stderr, "usage: stackyard-inspect [-policy FILE] DIR")
		return 2
	}
	report, err := inspectWith(policyFile, args[0])
	if err != nil {
		fmt.Fprintf(stderr, "stackyard-inspect: %v\n", err)
		return 2
	}
	encoder := json.NewEncoder(stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(report); err != nil {
		fmt.Fprintf(stderr, "stackyard-inspect: %v\n", err)
		return 2
	}
	return 0
}
