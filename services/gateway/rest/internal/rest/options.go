// Package rest turns HTTP and JSON into gRPC calls of the gateway and back.
package rest

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"
)

// Options is what the program can be told by flags and environment.
type Options struct {
	// Listen is the `host:port` of the HTTP server; port 0 takes a free one.
	Listen string
	// Gateway is the gRPC target: `host:port` or `unix:/path`.
	Gateway string
	// MaxBodyBytes bounds a request's body.
	MaxBodyBytes int64
	// ReadTimeout bounds how long a request may take to arrive.
	ReadTimeout time.Duration
	// WriteTimeout bounds each write of an answer; a stream as a whole may last.
	WriteTimeout time.Duration
	// CallTimeout bounds calls that are no stream.
	CallTimeout time.Duration
	// Drain bounds how long calls may go on after SIGTERM.
	Drain time.Duration
	// LogLevel is the least level that is logged.
	LogLevel slog.Level
	// ShowVersion asks for the version alone.
	ShowVersion bool
	// Version is told in the API's description.
	Version string
}

// DefaultOptions are those of a program started without flags.
func DefaultOptions() Options {
	return Options{
		Listen:       "127.0.0.1:8080",
		Gateway:      "127.0.0.1:8081",
		MaxBodyBytes: 16 << 20,
		ReadTimeout:  time.Minute,
		WriteTimeout: 30 * time.Second,
		// Longer than the longest WaitOperation.
		CallTimeout: 6 * time.Minute,
		Drain:       20 * time.Second,
		LogLevel:    slog.LevelInfo,
		Version:     "dev",
	}
}

// ParseOptions reads flags; what they leave out is read from STACKYARD_REST_* and else has its
// default. Errors are one line; flag.ErrHelp means that help was asked for and was written.
func ParseOptions(args []string, env func(string) (string, bool), help io.Writer) (Options, error) {
	o := DefaultOptions()
	flags := flag.NewFlagSet("stackyard-rest", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.Listen, "listen", o.Listen, "`address` (host:port) to serve HTTP on")
	flags.StringVar(&o.Gateway, "gateway", o.Gateway, "gRPC `target` of the gateway: host:port or unix:/path")
	flags.Int64Var(&o.MaxBodyBytes, "max-body-bytes", o.MaxBodyBytes, "largest request body, in `bytes`")
	flags.DurationVar(&o.ReadTimeout, "read-timeout", o.ReadTimeout, "longest `time` for a request to arrive")
	flags.DurationVar(&o.WriteTimeout, "write-timeout", o.WriteTimeout, "longest `time` for a client to take a piece of an answer")
	flags.DurationVar(&o.CallTimeout, "call-timeout", o.CallTimeout, "longest `time` of a call that is no stream")
	flags.DurationVar(&o.Drain, "drain", o.Drain, "how much `time` calls have left after SIGTERM")
	flags.Var((*levelFlag)(&o.LogLevel), "log-level", "`level`: debug, info, warning or error")
	flags.BoolVar(&o.ShowVersion, "version", false, "print the version and exit")

	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			writeHelp(flags, help)
			return o, err
		}
		return o, fmt.Errorf("%w (see --help)", err)
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q (see --help)", flags.Arg(0))
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var errs []error
	flags.VisitAll(func(f *flag.Flag) {
		value, ok := env(envName(f.Name))
		if !ok || given[f.Name] || f.Name == "version" {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			errs = append(errs, fmt.Errorf("%s=%q: %w", envName(f.Name), value, err))
		}
	})
	if o.ShowVersion {
		return o, nil
	}
	return o, oneLine(append(errs, o.check()...))
}

// levelFlag reads the names that the other services use.
type levelFlag slog.Level

var levelNames = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warning": slog.LevelWarn, "error": slog.LevelError,
}

func (l *levelFlag) String() string {
	for name, level := range levelNames {
		if l != nil && slog.Level(*l) == level {
			return name
		}
	}
	return ""
}

func (l *levelFlag) Set(text string) error {
	level, ok := levelNames[text]
	if !ok {
		return errors.New("expected debug, info, warning or error")
	}
	*l = levelFlag(level)
	return nil
}

func (o Options) check() (errs []error) {
	if _, _, err := net.SplitHostPort(o.Listen); err != nil {
		errs = append(errs, fmt.Errorf("--listen %q: expected host:port", o.Listen))
	}
	if o.Gateway == "" {
		errs = append(errs, errors.New("--gateway: expected host:port or unix:/path"))
	}
	if o.MaxBodyBytes < 1 {
		errs = append(errs, errors.New("--max-body-bytes: expected more than 0"))
	}
	for name, d := range map[string]time.Duration{
		"read-timeout": o.ReadTimeout, "write-timeout": o.WriteTimeout, "call-timeout": o.CallTimeout,
	} {
		if d <= 0 {
			errs = append(errs, fmt.Errorf("--%s: expected more than 0", name))
		}
	}
	return errs
}

func oneLine(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return errors.New(strings.Join(texts, "; "))
}

func envName(name string) string {
	return "STACKYARD_REST_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

func writeHelp(flags *flag.FlagSet, out io.Writer) {
	fmt.Fprint(out, `stackyard-rest: the REST API of Stackyard, its OpenAPI description and its documentation.

Usage: stackyard-rest [flags]

`)
	flags.VisitAll(func(f *flag.Flag) {
		kind, usage := flag.UnquoteUsage(f)
		if kind != "" {
			kind = " " + kind
		}
		fmt.Fprintf(out, "  --%s%s\n        %s", f.Name, kind, usage)
		if f.Name != "version" {
			fmt.Fprintf(out, " (default %s; environment %s)", f.DefValue, envName(f.Name))
		}
		fmt.Fprintln(out)
	})
}
