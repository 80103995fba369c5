package registry

import (
	"context"
	"fmt"
	"net/http"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Attach stores a manifest that names a subject under its digest, and sees to it that the subject's list of referrers
// has it: by the API or, where there is none, under the fallback tag. It can be repeated, so that a broken connection
// and a 5xx lead to a retry.
//
// The error wraps oci.ErrNotReferrer if the manifest names no subject, what PutManifest returns for a 4xx, and
// oci.ErrTooLarge if the manifest or the changed list exceeds a bound. It wraps oci.ErrBadResponse if what is under the
// fallback tag is no list: that is never replaced.
func (r *Repository) Attach(ctx context.Context, m oci.Manifest) error {
	return r.attach(ctx, m, r.editList)
}

// AttachFirst is Attach for a subject that this program has just made, so that nobody else can have attached anything
// to it: where there is no API, it puts the list without looking for one.
func (r *Repository) AttachFirst(ctx context.Context, m oci.Manifest) error {
	return r.attach(ctx, m, r.putFirstList)
}

// attach stores a manifest and, where there is no API, has list put it on the list of its subject.
func (r *Repository) attach(
	ctx context.Context, m oci.Manifest, list func(context.Context, oci.Digest, oci.ReferrersEdit) error,
) (err error) {
	defer r.host.clean(&err)
	referrer, subject, err := oci.ParseAttached(m)
	if err == nil {
		err = checkSize(m)
	}
	if err == nil {
		err = r.putAttached(ctx, m, subject)
	}
	if err != nil {
		return fmt.Errorf("attaching manifest %s: %w", r.spell(m.Digest.String()), err)
	}
	hasAPI, err := r.hasAPI(ctx, subject)
	if err == nil && !hasAPI {
		err = list(ctx, subject, oci.ReferrersEdit{Add: []oci.Descriptor{referrer.Descriptor()}})
	}
	if err != nil {
		return fmt.Errorf("attaching manifest %s to %s: %w", m.Digest, r.spell(subject.String()), err)
	}
	return nil
}

// putAttached stores the manifest. A registry with an API for referrers says in its answer that it has seen the
// subject; one that does not say it may have the API all the same. Manifests of one subject are put one after the
// other: olareg 0.1.2 loses entries of the list of a subject that gets several at once.
func (r *Repository) putAttached(ctx context.Context, m oci.Manifest, subject oci.Digest) error {
	done, err := r.host.attaching.take(ctx, r.repository.Path()+"@"+subject.String())
	if err != nil {
		return err
	}
	defer done()
	err = r.exchange(ctx, putRequest(m.Digest.String(), m), func(resp *http.Response) error {
		if resp.Header.Get("OCI-Subject") == subject.String() {
			r.host.foundReferrersAPI(r.repository.Path(), true)
		}
		return nil
	})
	return refusedManifest(err)
}
