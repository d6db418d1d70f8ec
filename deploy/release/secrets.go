package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"
)

// Nothing but certificates is ever changed. A Secret that is there but lacks something is for people
// to look at: to fill it in could be to make a key over data that is sealed with another.

func secretsCommand(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("secrets", flag.ContinueOnError)
	path := flags.String("plan", "", "`file` with what the release needs, as the chart writes it")
	folder := flags.String("account", accountFolder, "`folder` with token, namespace and ca.crt of a service account")
	server := flags.String("server", "", "`URL` of the API server; empty: as Kubernetes tells pods")
	if err := parse(flags, args, out); err != nil {
		return err
	}
	if *path == "" {
		return badArguments{errors.New("--plan is missing")}
	}
	plan, err := readPlan(*path)
	if err != nil {
		return badArguments{err}
	}
	cluster, err := openCluster(*folder, *server)
	if err != nil {
		return err
	}
	return fulfil(ctx, plan, cluster, time.Now(), out)
}

// fulfil makes what of the plan is missing.
func fulfil(ctx context.Context, plan *Plan, cluster *Cluster, now time.Time, out io.Writer) error {
	m := &maker{ctx: ctx, cluster: cluster, labels: plan.Labels, now: now, out: out}
	for _, secret := range plan.Secrets {
		if err := m.secret(secret); err != nil {
			return fmt.Errorf("Secret %s: %w", secret.Name, err)
		}
	}
	if plan.Certificates == nil {
		return nil
	}
	return m.certificates(plan.Certificates)
}

type maker struct {
	ctx     context.Context
	cluster *Cluster
	labels  map[string]string
	now     time.Time
	out     io.Writer
}

func (m *maker) secret(plan SecretPlan) error {
	data, err := makeValues(plan)
	if err != nil {
		return err
	}
	there, err := m.ensure(plan.Name, "Opaque", func() (map[string][]byte, error) { return data, nil })
	if err != nil {
		return err
	}
	if missing := missingKeys(plan, there.Data); missing != "" {
		return fmt.Errorf("is there, but lacks %s; it is not touched: complete it, or delete it if nothing uses it", missing)
	}
	return nil
}

// ensure answers the Secret of that name, which it makes where there is none.
func (m *maker) ensure(name, kind string, data func() (map[string][]byte, error)) (*Secret, error) {
	there, err := m.cluster.Get(m.ctx, name)
	if err != nil || there != nil {
		return there, err
	}
	values, err := data()
	if err != nil {
		return nil, err
	}
	made := &Secret{APIVersion: "v1", Kind: "Secret", Type: kind, Data: values,
		Metadata: Metadata{Name: name, Labels: m.labels}}
	err = m.cluster.Create(m.ctx, made)
	if errors.Is(err, errConflict) {
		return m.cluster.Get(m.ctx, name)
	}
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(m.out, "made Secret", name)
	return made, nil
}

func (m *maker) certificates(plan *CertificatePlan) error {
	authority, err := m.ensure(plan.Authority, "kubernetes.io/tls", func() (map[string][]byte, error) {
		return makeAuthority(plan.Authority, m.now)
	})
	if err != nil {
		return fmt.Errorf("Secret %s: %w", plan.Authority, err)
	}
	by, err := readIssuer(authority.Data)
	if err != nil {
		return fmt.Errorf("Secret %s: %w", plan.Authority, err)
	}
	// A leaf cannot outlive who vouches for it.
	if m.now.AddDate(0, 0, plan.Days).After(by.certificate.NotAfter) {
		return fmt.Errorf("Secret %s: the authority ends %s: replace it, see docs/security.md",
			plan.Authority, by.certificate.NotAfter.UTC().Format(time.RFC3339))
	}
	for _, leaf := range plan.Leaves {
		if err := m.leaf(leaf, by, plan.Days); err != nil {
			return fmt.Errorf("Secret %s: %w", leaf.Secret, err)
		}
	}
	return nil
}

func (m *maker) leaf(leaf LeafPlan, by *issuer, days int) error {
	issue := func() (map[string][]byte, error) { return makeLeaf(leaf, by, days, m.now) }
	there, err := m.ensure(leaf.Secret, "kubernetes.io/tls", issue)
	if err != nil {
		return err
	}
	why := whyRenew(leaf, there.Data, by, m.now)
	if why == "" {
		return nil
	}
	data, err := issue()
	if err != nil {
		return err
	}
	// Who adds an authority to ca.crt by hand is changing authorities: what is there stays.
	if bundle := there.Data[authorityKey]; len(bundle) > 0 && trusts(bundle, by) {
		data[authorityKey] = bundle
	}
	there.Data = data
	err = m.cluster.Update(m.ctx, there)
	if errors.Is(err, errConflict) {
		// Another job was renewing it.
		return nil
	}
	if err == nil {
		fmt.Fprintf(m.out, "renewed Secret %s: %s\n", leaf.Secret, why)
	}
	return err
}
