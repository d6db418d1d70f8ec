// Command stackyard-rest serves the REST API, its OpenAPI description and documentation, and the web
// console. It holds no state and decides nothing: every call becomes a gRPC call to the gateway.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"stackyard.dev/console"
	"stackyard.dev/rest/internal/rest"
)

// Set by the build: -ldflags '-X main.version=1.2.3 -X main.commit=0123abc'.
var (
	version = "dev"
	commit  = "unknown"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	options, err := rest.ParseOptions(args, os.LookupEnv, os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(os.Stderr, "stackyard-rest: %v\n", err)
		return 2
	}
	if options.ShowVersion {
		fmt.Println("stackyard-rest " + version)
		return 0
	}
	options.Version, options.Commit = version, commit
	options.Console = console.Files()

	log := rest.NewLogger(os.Stderr, options.LogLevel)
	slog.SetDefault(log)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	server, err := rest.Start(options, log)
	if err != nil {
		fmt.Fprintf(os.Stderr, "stackyard-rest: %v\n", err)
		return 1
	}
	if err := server.ServeUntil(signals); err != nil {
		log.Error("stopped", "error", err.Error())
		return 1
	}
	return 0
}
