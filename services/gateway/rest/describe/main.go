// Command describe prints the OpenAPI description of the API, which the console's client is made
// from.
package main

import (
	"fmt"
	"os"

	"stackyard.dev/rest/internal/rest"
)

func main() {
	described, err := rest.Describe("dev")
	if err == nil {
		_, err = os.Stdout.Write(described)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "describe: %v\n", err)
		os.Exit(1)
	}
}
