package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"time"
)

const (
	authorityDays = 3650
	// Clocks of nodes differ.
	backdated = 5 * time.Minute
)

// Keys of Secrets with certificates, as Kubernetes and cert-manager call them.
const (
	certificateKey = "tls.crt"
	privateKeyKey  = "tls.key"
	authorityKey   = "ca.crt"
)

func parseURI(text string) (*url.URL, error) {
	uri, err := url.Parse(text)
	if err != nil || uri.Scheme != "spiffe" || uri.Host == "" || len(uri.Path) < 2 {
		return nil, fmt.Errorf("%q is no SPIFFE id", text)
	}
	return uri, nil
}

// issuer is an authority that can sign.
type issuer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func readIssuer(data map[string][]byte) (*issuer, error) {
	pair, err := tls.X509KeyPair(data[certificateKey], data[privateKeyKey])
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, errors.New("is no authority with an elliptic key")
	}
	return &issuer{certificate: pair.Leaf, key: key, pem: data[certificateKey]}, nil
}

func template(name string, now time.Time, days int) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	return &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-backdated),
		NotAfter:              now.Add(time.Duration(days) * 24 * time.Hour),
		BasicConstraintsValid: true,
	}, err
}

// sign makes a key and its certificate, signed by `by`, or by itself where that is nil.
func sign(wanted *x509.Certificate, by *issuer) (map[string][]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	parent, signer := wanted, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	signed, err := x509.CreateCertificate(rand.Reader, wanted, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		certificateKey: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}),
		privateKeyKey:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}),
	}, nil
}

func makeAuthority(name string, now time.Time) (map[string][]byte, error) {
	wanted, err := template("Stackyard "+name, now, authorityDays)
	if err != nil {
		return nil, err
	}
	wanted.IsCA = true
	wanted.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	data, err := sign(wanted, nil)
	if err == nil {
		data[authorityKey] = data[certificateKey]
	}
	return data, err
}

func makeLeaf(leaf LeafPlan, by *issuer, days int, now time.Time) (map[string][]byte, error) {
	uri, err := parseURI(leaf.URI)
	if err != nil {
		return nil, err
	}
	wanted, err := template(leaf.Secret, now, days)
	if err != nil {
		return nil, err
	}
	wanted.KeyUsage = x509.KeyUsageDigitalSignature
	wanted.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	wanted.URIs = []*url.URL{uri}
	wanted.DNSNames = leaf.Hosts
	data, err := sign(wanted, by)
	if err == nil {
		data[authorityKey] = by.pem
	}
	return data, err
}

// whyRenew says why a certificate has to be made anew, or nothing.
func whyRenew(leaf LeafPlan, data map[string][]byte, by *issuer, now time.Time) string {
	pair, err := tls.X509KeyPair(data[certificateKey], data[privateKeyKey])
	if err != nil {
		return "it cannot be read"
	}
	certificate := pair.Leaf
	if len(certificate.URIs) != 1 || certificate.URIs[0].String() != leaf.URI {
		return "it is of another name"
	}
	if !slices.Equal(certificate.DNSNames, leaf.Hosts) {
		return "it is of other hosts"
	}
	if certificate.CheckSignatureFrom(by.certificate) != nil {
		return "it is of another authority"
	}
	third := certificate.NotAfter.Sub(certificate.NotBefore) / 3
	if now.After(certificate.NotAfter.Add(-third)) {
		return fmt.Sprintf("it ends %s", certificate.NotAfter.UTC().Format(time.RFC3339))
	}
	return ""
}

// trusts tells whether a bundle holds the certificate of an authority.
func trusts(bundle []byte, by *issuer) bool {
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		if slices.Equal(block.Bytes, by.certificate.Raw) {
			return true
		}
	}
	return false
}
