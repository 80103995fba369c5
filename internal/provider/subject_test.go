package provider

import (
	"errors"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Data sources and imports need an answer: where a plan would leave the image unknown, they fail.
func TestFindSubject(t *testing.T) {
	t.Parallel()
	f := &fakeRepositories{}
	one := f.push(t, planImage, "one")
	configured := f.provider(settings{})
	tests := map[string]struct {
		data            *providerData
		image, platform types.String
		// summary is that of the error, at the attribute; empty if the image is found.
		summary, attribute string
	}{
		"found":          {configured, types.StringValue(planImage), types.StringNull(), "", ""},
		"not configured": {nil, types.StringValue(planImage), types.StringNull(), "Provider not configured", ""},
		"malformed":      {configured, types.StringValue("A B"), types.StringNull(), malformedReference, "image"},
		"bad platform":   {configured, types.StringValue(planImage), types.StringValue("x"), malformedPlatform, "platform"},
		"missing": {
			configured, types.StringValue(planImage + "0"), types.StringNull(), "Image or repository not found", "image",
		},
		"unknown settings": {
			f.provider(settings{allUnknown: true}), types.StringValue(planImage), types.StringNull(),
			"Provider settings unknown", "image",
		},
		"unknown default": {
			f.provider(settings{defaultUnknown: true}), types.StringValue("app:1"), types.StringNull(),
			"Provider settings unknown", "image",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var diags diag.Diagnostics
			s, ok := test.data.find(t.Context(), test.image, test.platform, &diags)
			if ok != (test.summary == "") {
				t.Fatalf("found: %t, %v", ok, diags)
			}
			if ok {
				if key := s.key("t"); key.Image != one || key.String() != "registry.example.com/app@"+one.String()+"#t" {
					t.Errorf("the key is %s", key)
				}
				return
			}
			checkDiagnosis(t, diags, test.attribute, test.summary)
		})
	}
}

func checkDiagnosis(t *testing.T, diags diag.Diagnostics, attribute, summary string) {
	t.Helper()
	if len(diags) != 1 || diags[0].Summary() != summary {
		t.Fatalf("diagnostics: %v, want %q", diags, summary)
	}
	at, ok := diags[0].(diag.DiagnosticWithPath)
	if ok != (attribute != "") || (ok && !at.Path().Equal(path.Root(attribute))) {
		t.Errorf("the error is at %v, want %q", at, attribute)
	}
}

// A create asks the registry even for a digest; a plan does not.
func TestLookUpAsksForDigests(t *testing.T) {
	t.Parallel()
	f := &fakeRepositories{}
	s, err := f.provider(settings{}).subject(
		types.StringValue("registry.example.com/app@"+seedDigest("none")), types.StringNull(),
	)
	if err != nil {
		t.Fatal(err)
	}
	if err = s.resolve(t.Context()); err != nil || f.requests != 0 {
		t.Errorf("resolve: %v, %d requests", err, f.requests)
	}
	if err = s.lookUp(t.Context()); !isGone(err) || f.requests != 1 {
		t.Errorf("lookUp: %v, %d requests", err, f.requests)
	}
}

func TestStoredImage(t *testing.T) {
	t.Parallel()
	f := &fakeRepositories{}
	state := configuration()
	state.Repository = types.StringValue("registry.example.com/app")
	state.ImageDigest = types.StringValue(seedDigest("one"))
	broken := state
	broken.ImageDigest = types.StringValue("sha256:x")
	tests := map[string]struct {
		data    *providerData
		state   metadataModel
		unknown bool
		summary string
	}{
		"known":            {f.provider(settings{}), state, false, ""},
		"unknown settings": {f.provider(settings{allUnknown: true}), state, true, "Provider settings unknown"},
		"not configured":   {nil, state, true, "Provider not configured"},
		"broken":           {f.provider(settings{}), broken, false, "Unreadable state"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			image, err := test.data.stored(&test.state.subjectModel)
			if (err == nil) != (test.summary == "") || errors.Is(err, errUnknown) != test.unknown {
				t.Fatalf("error %v", err)
			}
			if err != nil {
				if got := image.diagnoseStored(err).summary; got != test.summary {
					t.Errorf("the diagnosis is %q, want %q", got, test.summary)
				}
			}
			key := image.key("t")
			if (err == nil || test.unknown) && key.String() != "registry.example.com/app@"+seedDigest("one")+"#t" {
				t.Errorf("the key is %s", key)
			}
		})
	}
}
