package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

var (
	// errUnknown means that the registry cannot be asked yet: the image, its platform, or a setting of the provider
	// is not known.
	errUnknown = errors.New("not known yet")
	// errNotConfigured means that the provider has no settings at all. It wraps errUnknown.
	errNotConfigured = fmt.Errorf("%w: the provider has not been configured", errUnknown)
)

// subject is the image that a resource, a data source or an import is about. It has three stages: what the
// configuration says (text), which image of which repository that means (reference, platform), and the digest of the
// image.
type subject struct {
	// data gives access to the registry; nil until the provider is configured.
	data *providerData
	// text is the reference as the configuration spells it.
	text string
	// reference is the zero value until the default registry is known, if text needs it.
	reference oci.Reference
	// platform selects a child of a multi-platform image; the zero value means the image as a whole.
	platform oci.Platform
	// digest is empty until resolve or lookUp has found the image.
	digest oci.Digest
}

// subject reads the attributes image and platform. The error wraps errUnknown, oci.ErrBadReference or
// oci.ErrBadPlatform. With errUnknown, the subject has as much of the reference as is known.
func (d *providerData) subject(image, platform types.String) (subject, error) {
	s := subject{data: d, text: image.ValueString()}
	switch {
	case d == nil:
		return s, errNotConfigured
	case image.IsUnknown():
		return s, errUnknown
	}
	reference, known, err := d.settings.parse(s.text)
	if err != nil {
		return s, err
	}
	if !known {
		return s, errUnknown
	}
	s.reference = reference
	if platform.IsUnknown() || d.settings.unknown(reference.Repository.Host()) {
		return s, errUnknown
	}
	if !platform.IsNull() {
		s.platform, err = oci.ParsePlatform(platform.ValueString())
	}
	return s, err
}

// find reads an image and a platform that should be known by now, and resolves them. If it returns false, diags says
// why.
func (d *providerData) find(
	ctx context.Context, image, platform types.String, diags *diag.Diagnostics,
) (subject, bool) {
	s, err := d.subject(image, platform)
	if err == nil {
		err = s.resolve(ctx)
	}
	if err != nil {
		s.diagnose(err).within(ctx, timeLimit{duration: readTimeout}).addTo(diags)
		return s, false
	}
	return s, true
}

// resolve sets the digest. A reference by digest without a platform needs no request, so the image may be missing.
func (s *subject) resolve(ctx context.Context) error {
	if s.reference.Digest != "" && s.platform == (oci.Platform{}) {
		s.digest = s.reference.Digest
		return nil
	}
	return s.lookUp(ctx)
}

// lookUp sets the digest and, unlike resolve, asks the registry for every kind of reference: the image exists.
func (s *subject) lookUp(ctx context.Context) (err error) {
	s.digest, err = s.data.store.Resolve(ctx, s.reference, s.platform)
	return err
}

// lookUpAgain is lookUp without what this run has already found.
func (s *subject) lookUpAgain(ctx context.Context) (err error) {
	s.digest, err = s.data.store.ResolveAgain(ctx, s.reference, s.platform)
	return err
}

// elsewhere returns the platforms whose image has metadata of a type, if the subject is a multi-platform image as a
// whole. It completes an error, so it returns nothing if it cannot find out.
func (s *subject) elsewhere(ctx context.Context, typ string) []string {
	if s.platform != (oci.Platform{}) {
		return nil
	}
	m, err := s.data.open(s.reference.Repository).GetManifest(ctx, s.digest.String())
	if err != nil || !m.IsIndex() {
		return nil
	}
	children, err := m.Children()
	if err != nil {
		return nil
	}
	var platforms []string
	for _, child := range children {
		if child.Platform == nil {
			continue
		}
		key := manifesto.Key{Repository: s.reference.Repository, Image: child.Digest, Type: typ}
		if _, ok, err := s.data.store.Look(ctx, key); err == nil && ok {
			platforms = append(platforms, fmt.Sprintf("%q", oci.PlatformOf(child)))
		}
	}
	return platforms
}

// diagnoseLookup is diagnoseKey for an operation that needs an entry of the subject to exist. If it does not, the
// diagnosis lists the types that the image has, and the platforms that have the entry.
func (s *subject) diagnoseLookup(ctx context.Context, err error, operation, typ string) diagnosis {
	key := s.key(typ)
	var missing *manifesto.NoEntryError
	if !errors.As(err, &missing) {
		return s.data.diagnoseKey(err, operation, key).within(ctx, timeLimit{duration: readTimeout})
	}
	have := "It has no metadata at all."
	if len(missing.Types) > 0 {
		quoted := make([]string, len(missing.Types))
		for i, typ := range missing.Types {
			quoted[i] = fmt.Sprintf("%q", keyOfType(typ))
		}
		have = "It has " + strings.Join(quoted, ", ") + "."
	}
	if platforms := s.elsewhere(ctx, typ); len(platforms) > 0 {
		have += fmt.Sprintf(" It is a multi-platform image, and its images for these platforms have metadata of this type: "+
			"%s. Name one as platform or, in an import, by its digest.", strings.Join(platforms, ", "))
	}
	return diagnosis{"type", "No such metadata", fmt.Sprintf(
		"Image %s has no metadata of type %q. %s", key.Repository.Digested(key.Image), keyOfType(key.Type), have)}
}

// key returns the key of the image's metadata of a type. The subject must be resolved.
func (s *subject) key(typ string) manifesto.Key {
	return manifesto.Key{Repository: s.reference.Repository, Image: s.digest, Type: typ}
}

// String names the image in a diagnostic.
func (s *subject) String() string {
	if s.platform == (oci.Platform{}) {
		return "image " + s.reference.String()
	}
	return fmt.Sprintf("image %s for %s", s.reference, s.platform)
}

// diagnose explains an error of reading or resolving the subject.
func (s *subject) diagnose(err error) diagnosis {
	switch {
	case errors.Is(err, errUnknown):
		return diagnoseUnknown(err, s.text)
	case errors.Is(err, oci.ErrBadReference):
		return diagnosis{"image", malformedReference, referenceHelp(s.text, err)}
	case errors.Is(err, oci.ErrBadPlatform):
		return diagnosis{"platform", malformedPlatform, sentence(err)}
	}
	return s.data.diagnose(err, "resolving", s.reference.Repository, s.String())
}

// diagnoseUnknown explains an error that wraps errUnknown, for an image as the configuration spells it.
func diagnoseUnknown(err error, image string) diagnosis {
	if errors.Is(err, errNotConfigured) {
		return diagnosis{
			summary: "Provider not configured",
			detail: "The provider has not been configured. This is an error in Terraform or in the provider; " +
				"please report it.",
		}
	}
	return diagnosis{"image", "Provider settings unknown", fmt.Sprintf(
		"A setting of the provider that %q depends on is not known yet: it comes from a resource that has not been "+
			"applied. Apply that resource first, for example with -target, or set the provider from values that are "+
			"known at plan.", image)}
}

// stored returns the image that a state names. The error wraps errUnknown, oci.ErrBadReference or oci.ErrBadDigest;
// with errUnknown, the subject has the image.
func (d *providerData) stored(state *subjectModel) (subject, error) {
	s := subject{data: d, text: state.Image.ValueString()}
	repository, digest, err := state.imageStored()
	if err != nil {
		return s, err
	}
	s.reference, s.digest = repository.Digested(digest), digest
	switch {
	case d == nil:
		return s, errNotConfigured
	case d.settings.unknown(repository.Host()):
		return s, errUnknown
	}
	return s, nil
}

// diagnoseStored explains an error of stored.
func (s *subject) diagnoseStored(err error) diagnosis {
	if errors.Is(err, errUnknown) {
		return diagnoseUnknown(err, s.text)
	}
	return diagnosis{summary: "Unreadable state", detail: sentence(err)}
}
