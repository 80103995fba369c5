package signing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// maxNamed is the number of refused signatures that an error names, and maxNameLength the length in characters of a
// foreign text in it. Anyone who can push can attach as many signatures as the registry takes.
const (
	maxNamed      = 10
	maxNameLength = 300
)

// Err returns nil if there is a signature that counts. Otherwise the error wraps ErrUnsigned or ErrUntrusted and says
// of each signature who made it when, and why it does not count. The target is what was verified, as the message calls
// it.
func (v Verdict) Err(target string) error {
	switch {
	case v.Good != nil:
		return nil
	case len(v.Refused) == 0 && v.Unseen == 0:
		return fmt.Errorf("%s: %w", target, ErrUnsigned)
	case v.areGone():
		return fmt.Errorf("%s: %w any more: a signature is listed, and the registry does not have it: %s",
			target, ErrUnsigned, v.Refused[0])
	case len(v.Refused) == 1 && v.Unseen == 0:
		return fmt.Errorf("%s: %w: %s", target, ErrUntrusted, v.Refused[0])
	}
	var list strings.Builder
	for i, found := range v.Refused {
		if i == maxNamed {
			fmt.Fprintf(&list, "\n- and %d more", len(v.Refused)-maxNamed)
			break
		}
		fmt.Fprintf(&list, "\n- %s", found)
	}
	if v.Unseen > 0 {
		fmt.Fprintf(&list, "\n- %d more were not looked at, because there are too many", v.Unseen)
	}
	return fmt.Errorf("%s: %w among %d:%s", target, ErrUntrusted, len(v.Refused)+v.Unseen, list.String())
}

// areGone reports whether all that is listed is gone, as after a garbage collection.
func (v Verdict) areGone() bool {
	gone := func(found Found) bool { return errors.Is(found.Reason, oci.ErrNotFound) }
	return v.Unseen == 0 && !slices.ContainsFunc(v.Refused, func(found Found) bool { return !gone(found) })
}

// String returns one line that says who made the signature when, and why it does not count if it does not.
func (f Found) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "signature %s", short(f.Digest.String()))
	if f.Signer != "" {
		fmt.Fprintf(&text, " by %q", short(f.Signer))
	}
	if !f.SignedAt.IsZero() {
		fmt.Fprintf(&text, ", made at %s", f.SignedAt.UTC().Format(time.RFC3339))
	}
	if f.Reason != nil {
		fmt.Fprintf(&text, ": %s", short(f.Reason.Error()))
	}
	return text.String()
}

// short returns foreign text in a form that fits into a message.
func short(text string) string {
	runes := []rune(oci.Printable(text))
	if len(runes) > maxNameLength {
		return string(runes[:maxNameLength]) + "..."
	}
	return string(runes)
}
