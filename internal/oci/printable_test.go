package oci

import (
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "",
		"linux/arm64":                          "linux/arm64",
		"größer als 3 – 日本語 ✓":                 "größer als 3 – 日本語 ✓",
		"a\r\nApply complete!\tb":              "a  Apply complete! b",
		"\x1b[31mred\x1b[0m":                   "?[31mred?[0m",
		"\x1b]0;title\x07":                     "?]0;title?",
		"\u009b31m and \u0085":                 "?31m and ?",
		"abc\u202efed \u2066x\u2069":           "abc?fed ?x?",
		"zero\u200bwidth\u200f \ufeff":         "zero?width? ?",
		"\x00\x08\x7f":                         "???",
		"\xff\xfe and \xc2":                    "?? and ?",
		"line\u2028paragraph\u2029 wide\u3000": "line paragraph  wide ",
		"tag \U000e0041":                       "tag ?",
	} {
		if got := Printable(text); got != want {
			t.Errorf("Printable(%q) = %q, want %q", text, got, want)
		}
	}
}

// The platforms of an index are foreign text: they cannot print a line of their own.
func TestPlatformsArePrintable(t *testing.T) {
	index := NewManifest(MediaTypeOCIIndex, []byte(`{"manifests":[{"digest":"`+DigestOf(nil).String()+
		`","platform":{"os":"linux\u001b[2J\nApply complete!","architecture":"\u202eamd64"}}]}`))
	_, err := index.Child(Platform{OS: "linux", Architecture: "arm64"})
	if err == nil || strings.ContainsAny(err.Error(), "\n\x1b\u202e") {
		t.Errorf("the error is %q", err)
	}
}
