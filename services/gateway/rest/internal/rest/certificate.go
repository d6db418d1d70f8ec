package rest

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateAge is how long a certificate is used before its files are looked at again.
const certificateAge = time.Second

// certificate is read again when its files have changed. New files that are no good are logged, and
// the old ones stay in use.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	age               time.Duration

	mu      sync.Mutex
	current *tls.Certificate
	stamp   string
	looked  time.Time
}

func loadCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log, age: certificateAge}
	c.stamp = c.stampNow()
	loaded, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert %q, --tls-key %q: %w", certFile, keyFile, err)
	}
	c.current, c.looked = &loaded, time.Now()
	return c, nil
}

// get is what tls.Config asks at every handshake.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < c.age {
		return c.current, nil
	}
	c.looked = time.Now()
	stamp := c.stampNow()
	if stamp == c.stamp {
		return c.current, nil
	}
	c.stamp = stamp
	loaded, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		c.log.Error("the new TLS certificate cannot be used; the old one stays", "error", err.Error())
		return c.current, nil
	}
	c.log.Info("the TLS certificate was read again")
	c.current = &loaded
	return c.current, nil
}

// stampNow changes whenever the files do, also where they are links that are turned.
func (c *certificate) stampNow() (stamp string) {
	for _, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			stamp += fmt.Sprint(info.ModTime().UnixNano(), " ", info.Size(), " ")
		}
	}
	return stamp
}

// serverTLS is what the public port speaks.
func (c *certificate) serverTLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: c.get,
	}
}

// gatewayTLS trusts the authorities of a file alone.
func gatewayTLS(file string) (*tls.Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--gateway-ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--gateway-ca %q: no certificate in it", file)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}, nil
}
