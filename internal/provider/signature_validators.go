package provider

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// isExpiry accepts what parseExpiry reads.
func isExpiry() validator.String {
	return textValidator{"a duration of whole seconds", func(text string) (string, string) {
		if _, ok := parseExpiry(text); !ok {
			return "Invalid duration", fmt.Sprintf("%q is not a duration of one or more whole seconds, such as 720h (30 days) "+
				"or 8760h (a year). The largest unit is h. Leave expiry out for signatures that do not expire.", text)
		}
		return "", ""
	}}
}

// parseExpiry reads a duration of whole seconds, at least one.
func parseExpiry(text string) (time.Duration, bool) {
	expiry, err := time.ParseDuration(text)
	return expiry, err == nil && expiry > 0 && expiry%time.Second == 0
}

// isLevel accepts a level of verification.
func isLevel() validator.String {
	return textValidator{"strict or permissive", func(text string) (string, string) {
		switch text {
		case levelStrict, levelPermissive:
			return "", ""
		case "audit", "skip": // Levels that notation has.
			return "Invalid level", fmt.Sprintf("Verification has no level %q: a level decides which signatures count. To read "+
				"what nobody has signed, set required = false and check the attribute verified; to verify nothing, leave "+
				"verification out.", text)
		}
		return "Invalid level", fmt.Sprintf("%q is not a level of verification. Use strict or permissive.", text)
	}}
}

// isDemand accepts a text that demands something, such as certificates: any but an empty one. An empty file or variable
// must not mean the same as an attribute that is left out, which demands nothing.
func isDemand(name string) validator.String {
	return textValidator{"a text that is not empty", func(text string) (string, string) {
		if strings.TrimSpace(text) == "" {
			return "Empty " + name, fmt.Sprintf("The attribute %s is empty, as if from an empty file or variable. Find out "+
				"what should have set it. Only to go without it, leave %s out.", name, name)
		}
		return "", ""
	}}
}

// isDigest accepts a sha256 digest.
func isDigest() validator.String {
	return textValidator{"a sha256 digest", func(text string) (string, string) {
		if _, err := oci.ParseDigest(text); err != nil {
			return "Invalid digest", sentence(err) + "\n\nWrite sha256: and the 64 digits of the digest."
		}
		return "", ""
	}}
}
