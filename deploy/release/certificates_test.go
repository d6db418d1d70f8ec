package main

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"
)

var (
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	stack = LeafPlan{Secret: "shop-stacks-tls", URI: "spiffe://cluster.local/ns/a/stackyard/shop/stacks",
		Hosts: []string{"shop-stacks", "shop-stacks.a.svc"}}
)

func authority(t *testing.T) *issuer {
	t.Helper()
	data, err := makeAuthority("shop-ca", start)
	if err != nil {
		t.Fatal(err)
	}
	by, err := readIssuer(data)
	if err != nil {
		t.Fatal(err)
	}
	return by
}

func leaf(t *testing.T, by *issuer, days int) map[string][]byte {
	t.Helper()
	data, err := makeLeaf(stack, by, days, start)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestLeafIsGoodForBothEndsOfAConnection(t *testing.T) {
	by := authority(t)
	data := leaf(t, by, 30)
	pair, err := tls.X509KeyPair(data[certificateKey], data[privateKeyKey])
	if err != nil {
		t.Fatal(err)
	}
	if got := pair.Leaf.URIs[0].String(); got != stack.URI || len(pair.Leaf.URIs) != 1 {
		t.Errorf("URIs are %v", pair.Leaf.URIs)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data[authorityKey]) {
		t.Fatal("ca.crt holds no certificate")
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth} {
		_, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "shop-stacks.a.svc",
			CurrentTime: start.Add(29 * 24 * time.Hour), KeyUsages: []x509.ExtKeyUsage{usage}})
		if err != nil {
			t.Errorf("usage %v: %v", usage, err)
		}
	}
}

func TestWhyRenew(t *testing.T) {
	by, other := authority(t), authority(t)
	good := leaf(t, by, 30)
	day := func(n int) time.Time { return start.Add(time.Duration(n) * 24 * time.Hour) }
	renamed := stack
	renamed.URI += "x"
	moved := stack
	moved.Hosts = []string{"elsewhere"}
	mixed := map[string][]byte{certificateKey: good[certificateKey], privateKeyKey: leaf(t, by, 30)[privateKeyKey]}
	for name, c := range map[string]struct {
		leaf LeafPlan
		data map[string][]byte
		by   *issuer
		now  time.Time
		want string
	}{
		"young":             {stack, good, by, day(19), ""},
		"a third is left":   {stack, good, by, day(21), "it ends 2026-03-31T12:00:00Z"},
		"over":              {stack, good, by, day(40), "it ends"},
		"another name":      {renamed, good, by, day(1), "another name"},
		"other hosts":       {moved, good, by, day(1), "other hosts"},
		"another authority": {stack, good, other, day(1), "another authority"},
		"another's key":     {stack, mixed, by, day(1), "cannot be read"},
		"nothing":           {stack, nil, by, day(1), "cannot be read"},
	} {
		got := whyRenew(c.leaf, c.data, c.by, c.now)
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestLeafIsNoAuthority(t *testing.T) {
	if _, err := readIssuer(leaf(t, authority(t), 30)); err == nil {
		t.Error("a leaf passes for an authority")
	}
}

func TestTrusts(t *testing.T) {
	by, other := authority(t), authority(t)
	both := append(append([]byte{}, other.pem...), by.pem...)
	if !trusts(both, by) || !trusts(both, other) || trusts(other.pem, by) || trusts(nil, by) {
		t.Error("a bundle is read wrongly")
	}
}
