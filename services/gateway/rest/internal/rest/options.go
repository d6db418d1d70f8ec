// Package rest turns HTTP and JSON into gRPC calls of the gateway and back.
package rest

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Options is what the program can be told by flags and environment.
type Options struct {
	// Listen is the `host:port` of the HTTP server; port 0 takes a free one.
	Listen string
	// MetricsListen is the `host:port` that Prometheus asks; empty: nothing is measured.
	MetricsListen string
	// Gateway is the gRPC target: `host:port` or `unix:/path`.
	Gateway string
	// GatewayCA is a PEM file of the authorities that the gateway's certificate may come from; empty:
	// no TLS to the gateway.
	GatewayCA string
	// TLSCert and TLSKey are PEM files; empty: no TLS on the public port.
	TLSCert, TLSKey string
	// CORSOrigins are origins whose pages may call, as browsers send them.
	CORSOrigins []string
	// Console holds the built files of the web console; nil: there is none.
	Console fs.FS
	// PublicURL is the origin that browsers know the console by, https://host[:port]; empty: what a
	// request says.
	PublicURL string
	// SessionKeys is a file with the keys that seal the console's sessions; empty: a key that ends with
	// the process.
	SessionKeys string
	// OIDCClientSecrets is a JSON file, {"ISSUER": "SECRET"}, for identity providers that want one.
	OIDCClientSecrets string
	// GrafanaURL is where the console's link to Grafana leads; empty: it has none.
	GrafanaURL string
	// TrustedProxies are addresses whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// MaxBodyBytes bounds a request's body, as it came and as it is inflated.
	MaxBodyBytes int64
	// MaxConnections and MaxConnectionsPerAddress bound what is open at once; 0 is no limit. Trusted
	// proxies are not bound as addresses.
	MaxConnections, MaxConnectionsPerAddress int
	// MaxStreams bounds the requests at once on one HTTP/2 connection.
	MaxStreams int
	// HeaderTimeout bounds how long a request's header may take to arrive.
	HeaderTimeout time.Duration
	// ReadTimeout bounds how long a request may take to arrive.
	ReadTimeout time.Duration
	// WriteTimeout bounds each write of an answer; a stream as a whole may last.
	WriteTimeout time.Duration
	// CallTimeout bounds calls that are no stream.
	CallTimeout time.Duration
	// DrainDelay is how long everything is served on after SIGTERM, while /readyz says that no more
	// calls should come: those who send them need a moment to hear of it.
	DrainDelay time.Duration
	// Drain bounds how long calls may go on after SIGTERM and the delay.
	Drain time.Duration
	// OTLPEndpoint is the collector that spans are sent to; empty: there are none.
	OTLPEndpoint string
	// TraceRatio is the share of requests that is recorded, 0 to 1.
	TraceRatio float64
	// TraceTrustClients lets clients say whether their requests are recorded.
	TraceTrustClients bool
	// LogLevel is the least level that is logged.
	LogLevel slog.Level
	// ShowVersion asks for the version alone.
	ShowVersion bool
	// Version is told in the API's description.
	Version string
	// Commit is what the program was built from.
	Commit string
}

// DefaultOptions are those of a program started without flags.
func DefaultOptions() Options {
	return Options{
		Listen:       "127.0.0.1:8080",
		Gateway:      "127.0.0.1:8081",
		MaxBodyBytes: 16 << 20,

		MaxConnections:           10_000,
		MaxConnectionsPerAddress: 1_000,
		MaxStreams:               250,

		HeaderTimeout: 10 * time.Second,
		ReadTimeout:   time.Minute,
		WriteTimeout:  30 * time.Second,
		// Longer than the longest WaitOperation.
		CallTimeout: 6 * time.Minute,
		Drain:       20 * time.Second,
		TraceRatio:  1,
		LogLevel:    slog.LevelInfo,
		Version:     "dev",
		Commit:      "unknown",
	}
}

// ParseOptions reads flags; what they leave out is read from STACKYARD_REST_* and else has its
// default. Errors are one line; flag.ErrHelp means that help was asked for and was written.
func ParseOptions(args []string, env func(string) (string, bool), help io.Writer) (Options, error) {
	o := DefaultOptions()
	flags := flag.NewFlagSet("stackyard-rest", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.Listen, "listen", o.Listen, "`address` (host:port) to serve HTTP on")
	flags.StringVar(&o.MetricsListen, "metrics-listen", o.MetricsListen, "`address` (host:port) of the Prometheus endpoint; empty: none")
	flags.StringVar(&o.Gateway, "gateway", o.Gateway, "gRPC `target` of the gateway: host:port or unix:/path")
	flags.StringVar(&o.GatewayCA, "gateway-ca", o.GatewayCA, "PEM `file` of authorities for TLS to the gateway; empty: no TLS")
	flags.StringVar(&o.TLSCert, "tls-cert", o.TLSCert, "PEM `file` of the public port's certificate, read again when it changes; empty: no TLS")
	flags.StringVar(&o.TLSKey, "tls-key", o.TLSKey, "PEM `file` of its key")
	flags.Var((*originsFlag)(&o.CORSOrigins), "cors-origins", "`origins` whose pages may call, comma-separated: https://host[:port]")
	flags.StringVar(&o.PublicURL, "public-url", o.PublicURL, "`origin` that browsers know the console by, https://host[:port]; empty: what a request says, over TLS where --tls-cert is given")
	flags.StringVar(&o.SessionKeys, "session-keys", o.SessionKeys, "`file` with the keys that seal the console's sessions, 32 bytes in base64 a line, the first of which seals; replicas share it; empty: a key that ends with the process")
	flags.StringVar(&o.OIDCClientSecrets, "oidc-client-secrets", o.OIDCClientSecrets, "JSON `file`, {\"ISSUER\": \"SECRET\"}, for identity providers that want a secret beside PKCE")
	flags.StringVar(&o.GrafanaURL, "grafana-url", o.GrafanaURL, "`URL` that the console's link to Grafana leads to; empty: it has none")
	flags.Var((*prefixesFlag)(&o.TrustedProxies), "trusted-proxies", "`networks` whose X-Forwarded-For is believed, comma-separated: 10.0.0.0/8")
	flags.Int64Var(&o.MaxBodyBytes, "max-body-bytes", o.MaxBodyBytes, "largest request body, in `bytes`, inflated as well")
	flags.IntVar(&o.MaxConnections, "max-connections", o.MaxConnections, "most open connections; 0: no `limit`")
	flags.IntVar(&o.MaxConnectionsPerAddress, "max-connections-per-address", o.MaxConnectionsPerAddress, "most open connections of one address that is no trusted proxy; 0: no `limit`")
	flags.IntVar(&o.MaxStreams, "max-streams", o.MaxStreams, "most requests at once on an HTTP/2 connection, a `number` from 1")
	flags.DurationVar(&o.HeaderTimeout, "header-timeout", o.HeaderTimeout, "longest `time` for a request's header to arrive")
	flags.DurationVar(&o.ReadTimeout, "read-timeout", o.ReadTimeout, "longest `time` for a request to arrive")
	flags.DurationVar(&o.WriteTimeout, "write-timeout", o.WriteTimeout, "longest `time` for a client to take a piece of an answer")
	flags.DurationVar(&o.CallTimeout, "call-timeout", o.CallTimeout, "longest `time` of a call that is no stream")
	flags.DurationVar(&o.DrainDelay, "drain-delay", o.DrainDelay, "how much `time` after SIGTERM everything is served on, with /readyz saying 503, before the drain begins")
	flags.DurationVar(&o.Drain, "drain", o.Drain, "how much `time` calls have left after SIGTERM and the delay")
	flags.StringVar(&o.OTLPEndpoint, "otlp-endpoint", o.OTLPEndpoint, "`address` of the collector that spans are sent to by OTLP over HTTP, http://host:4318; empty: no tracing")
	flags.Float64Var(&o.TraceRatio, "trace-ratio", o.TraceRatio, "`share` of requests that is recorded, 0 to 1")
	flags.BoolVar(&o.TraceTrustClients, "trace-trust-clients", o.TraceTrustClients, "let clients say by traceparent whether their requests are recorded")
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

// originsFlag reads a list of origins.
type originsFlag []string

func (f *originsFlag) String() string { return strings.Join(*f, ",") }

func (f *originsFlag) Set(text string) error {
	*f = nil
	for _, origin := range listOf(text) {
		if err := checkOrigin(origin); err != nil {
			return err
		}
		*f = append(*f, origin)
	}
	return nil
}

// prefixesFlag reads a list of networks; an address stands for itself alone.
type prefixesFlag []netip.Prefix

func (f *prefixesFlag) String() string {
	texts := make([]string, len(*f))
	for i, prefix := range *f {
		texts[i] = prefix.String()
	}
	return strings.Join(texts, ",")
}

func (f *prefixesFlag) Set(text string) error {
	*f = nil
	for _, part := range listOf(text) {
		prefix, err := netip.ParsePrefix(part)
		if address, wrong := netip.ParseAddr(part); wrong == nil {
			prefix, err = address.Prefix(address.BitLen())
		}
		if err != nil {
			return fmt.Errorf("%q: expected a network such as 10.0.0.0/8", part)
		}
		*f = append(*f, prefix.Masked())
	}
	return nil
}

func listOf(text string) (parts []string) {
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

func (o Options) check() (errs []error) {
	if _, _, err := net.SplitHostPort(o.Listen); err != nil {
		errs = append(errs, fmt.Errorf("--listen %q: expected host:port", o.Listen))
	}
	if _, _, err := net.SplitHostPort(o.MetricsListen); o.MetricsListen != "" && err != nil {
		errs = append(errs, fmt.Errorf("--metrics-listen %q: expected host:port", o.MetricsListen))
	}
	if o.PublicURL != "" {
		if err := checkOrigin(o.PublicURL); err != nil {
			errs = append(errs, fmt.Errorf("--public-url %w", err))
		}
	}
	if o.GrafanaURL != "" {
		at, err := url.Parse(o.GrafanaURL)
		if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" || at.User != nil {
			errs = append(errs, fmt.Errorf("--grafana-url %q: expected https://host/path, without user", o.GrafanaURL))
		}
	}
	if o.Gateway == "" {
		errs = append(errs, errors.New("--gateway: expected host:port or unix:/path"))
	}
	if o.MaxBodyBytes < 1 {
		errs = append(errs, errors.New("--max-body-bytes: expected more than 0"))
	}
	if (o.TLSCert == "") != (o.TLSKey == "") {
		errs = append(errs, errors.New("--tls-cert and --tls-key: give both or none"))
	}
	if o.MaxConnections < 0 || o.MaxConnectionsPerAddress < 0 {
		errs = append(errs, errors.New("--max-connections, --max-connections-per-address: expected 0 or more"))
	}
	if o.MaxStreams < 1 {
		errs = append(errs, errors.New("--max-streams: expected 1 or more"))
	}
	for name, d := range map[string]time.Duration{
		"read-timeout": o.ReadTimeout, "header-timeout": o.HeaderTimeout, "write-timeout": o.WriteTimeout, "call-timeout": o.CallTimeout,
	} {
		if d <= 0 {
			errs = append(errs, fmt.Errorf("--%s: expected more than 0", name))
		}
	}
	if o.Drain < 0 || o.DrainDelay < 0 {
		errs = append(errs, errors.New("--drain, --drain-delay: expected 0 or more"))
	}
	return append(errs, checkTracing(o)...)
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
	fmt.Fprint(out, `stackyard-rest: the REST API of Stackyard, its OpenAPI description and documentation, and the web
console.

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
