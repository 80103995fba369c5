package provider

import "testing"

// Two types that Terraform's strings cannot tell apart, and the key of the second.
const (
	composed      = "caf\u00e9"
	decomposed    = "cafe\u0301"
	decomposedKey = `"cafe\u0301"`
)

// A type that a Terraform string cannot carry unchanged has a key of its own, which leads back to it.
func TestKeysOfTypes(t *testing.T) {
	t.Parallel()
	for typ, want := range map[string]string{
		"contact": "contact", composed: composed, decomposed: decomposedKey, `"quoted"`: `"quoted"`, "": "", "a\nb": "a\nb",
	} {
		key := keyOfType(typ)
		if key != want || typeOfKey(key) != typ {
			t.Errorf("%q has the key %s, which leads to %q", typ, key, typeOfKey(key))
		}
	}
}

// A pattern means the normal form of a type, because Terraform normalises the pattern.
func TestMatchTypeOutsideNFC(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]bool{composed: true, "caf?": true, "ca*é": true, "cafe*": false} {
		for _, typ := range []string{composed, decomposed} {
			if matchType(pattern, typ) != want {
				t.Errorf("%q matches %+q: %t, want %t", pattern, typ, !want, want)
			}
		}
	}
}
