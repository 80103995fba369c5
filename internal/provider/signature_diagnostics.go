package provider

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
)

// optionSummaries are the summaries of errors, by the option of signing or verification that is at fault.
var optionSummaries = map[string]string{
	"private_key":            "Unusable signing key",
	"certificate_chain":      "Unusable signing certificates",
	"plugin":                 "Unusable signing plugin",
	"plugin.name":            "Unusable signing plugin",
	"plugin.path":            "Unusable signing plugin",
	"plugin.key_id":          "Unusable signing key",
	"plugin.environment":     "Unusable environment of the signing plugin",
	"expiry":                 "Unusable expiry of signatures",
	"timestamp_url":          "Unusable time stamping authority",
	"timestamp_certificates": "Unusable certificates of time stamping authorities",
	"trusted_certificates":   "Unusable trusted certificates",
	"trusted_identities":     "Unusable trusted identities",
}

// addOptionError adds an error of the settings of signing or verification, which the attribute at has, to diags: at the
// nested attribute that is at fault. It does nothing if err is nil.
func addOptionError(diags *diag.Diagnostics, at path.Path, err error) {
	if err == nil {
		return
	}
	failed, ok := errors.AsType[*notation.OptionError](err)
	if !ok {
		diags.AddAttributeError(at, "Unusable settings of "+at.String(), sentence(err))
		return
	}
	for name := range strings.SplitSeq(failed.Option, ".") {
		at = at.AtName(name)
	}
	summary, ok := optionSummaries[failed.Option]
	if !ok {
		summary = "Unusable value of " + at.String()
	}
	diags.AddAttributeError(at, summary, sentence(fmt.Errorf("the attribute %s cannot be used: %w", at, failed.Err)))
}
