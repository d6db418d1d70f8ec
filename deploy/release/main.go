// Command stackyard-release does for a release of the chart what Helm cannot: it makes the Secrets and
// certificates that the release needs, and proves that what was deployed works.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Set by the build: -ldflags '-X main.version=1.2.3'.
var version = "dev"

const usage = `usage: stackyard-release secrets|smoke [flags]
  secrets  makes the Secrets and certificates of a plan that are not there, and renews certificates
  smoke    asks /testme, then provisions and destroys a stack
  --help after either tells its flags
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit code: 2 for wrong arguments, 1 for what did not work.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	commands := map[string]func(context.Context, []string, io.Writer) error{
		"secrets": secretsCommand, "smoke": smokeCommand,
	}
	if len(args) == 1 && args[0] == "--version" {
		fmt.Fprintln(stdout, "stackyard-release "+version)
		return 0
	}
	if len(args) == 0 || commands[args[0]] == nil {
		fmt.Fprint(stderr, usage)
		return 2
	}
	err := commands[args[0]](ctx, args[1:], stdout)
	var bad badArguments
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &bad):
		fmt.Fprintln(stderr, "stackyard-release "+args[0]+":", err)
		return 2
	}
	fmt.Fprintln(stderr, "error:", err)
	return 1
}

// badArguments are for the caller to mend, not for a second try.
type badArguments struct{ error }

// parse reads flags that take no arguments besides.
func parse(flags *flag.FlagSet, args []string, out io.Writer) error {
	flags.SetOutput(out)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return badArguments{err}
	}
	if flags.NArg() > 0 {
		return badArguments{fmt.Errorf("unexpected argument %q", flags.Arg(0))}
	}
	return nil
}
