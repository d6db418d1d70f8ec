package main

import "testing"

func TestQualify(t *testing.T) {
	for source, want := range map[string]string{
		"aws":                            "registry.terraform.io/hashicorp/aws",
		"Example/Cloud":                  "registry.terraform.io/example/cloud",
		"example.org:8443/team/my-cloud": "example.org:8443/team/my-cloud",
		"terraform.io/builtin/terraform": "terraform.io/builtin/terraform",
		"":                               "",
		"a/b/c/d":                        "",
		"team/":                          "",
		"../x/y":                         "",
		"exa mple.org/a/b":               "",
	} {
		got, err := qualify(source)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("qualify(%q) = %q, %v; want %q", source, got, err, want)
		}
	}
}
