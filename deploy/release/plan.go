package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// Plan is what a release needs; the chart writes it.
type Plan struct {
	// Labels of all that is made.
	Labels       map[string]string `json:"labels"`
	Secrets      []SecretPlan      `json:"secrets"`
	Certificates *CertificatePlan  `json:"certificates"`
}

// SecretPlan is a Secret that is made as a whole or not at all.
type SecretPlan struct {
	Name string               `json:"name"`
	Data map[string]ValuePlan `json:"data"`
}

// ValuePlan is one value: of something random, or a text in which ${KEY} stands for such a value of
// the same Secret.
type ValuePlan struct {
	// One of the makers.
	Make string `json:"make"`
	Text string `json:"text"`
}

// CertificatePlan is an authority, and who has certificates by it.
type CertificatePlan struct {
	// Secret with the authority's certificate and key.
	Authority string     `json:"authority"`
	Days      int        `json:"days"`
	Leaves    []LeafPlan `json:"leaves"`
}

// LeafPlan is one certificate, in a Secret of type kubernetes.io/tls.
type LeafPlan struct {
	Secret string   `json:"secret"`
	URI    string   `json:"uri"`
	Hosts  []string `json:"hosts"`
}

func readPlan(path string) (*Plan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	plan := &Plan{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(plan); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := plan.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return plan, nil
}

// check finds faults before anything is made.
func (p *Plan) check() error {
	for _, secret := range p.Secrets {
		for key, value := range secret.Data {
			if value.Make == "" && value.Text == "" {
				return fmt.Errorf("secret %s: %s says neither make nor text", secret.Name, key)
			}
			if value.Make != "" && makers[value.Make] == nil {
				return fmt.Errorf("secret %s: %s: nobody knows how to make %q", secret.Name, key, value.Make)
			}
		}
	}
	if p.Certificates == nil {
		return nil
	}
	if p.Certificates.Days < 1 {
		return fmt.Errorf("certificates for %d days", p.Certificates.Days)
	}
	for _, leaf := range p.Certificates.Leaves {
		if _, err := parseURI(leaf.URI); err != nil {
			return fmt.Errorf("certificate %s: %w", leaf.Secret, err)
		}
	}
	return nil
}
