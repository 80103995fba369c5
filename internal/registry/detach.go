package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Detach deletes manifests that are attached to a subject, and takes them off the list under its fallback tag if the
// registry has no API for referrers. It succeeds for those that are not there.
//
// The error wraps oci.ErrDeleteRefused if the registry does not delete, or not for this user. The list is without the
// manifests then, too.
func (r *Repository) Detach(ctx context.Context, subject oci.Digest, digests ...oci.Digest) error {
	return r.detach(ctx, subject, digests, r.editList)
}

// DetachAll is Detach for everything that is attached to a subject that this program has just made, and that nobody
// needs any more: where there is no API, it drops the list without reading it.
func (r *Repository) DetachAll(ctx context.Context, subject oci.Digest, digests ...oci.Digest) error {
	return r.detach(ctx, subject, digests,
		func(ctx context.Context, subject oci.Digest, edit oci.ReferrersEdit) error {
			if r.untag(ctx, oci.ReferrersTag(subject)) {
				return nil
			}
			return r.editList(ctx, subject, edit)
		})
}

// detach deletes manifests and, where there is no API, has list take them off the list of their subject.
func (r *Repository) detach(
	ctx context.Context, subject oci.Digest, digests []oci.Digest,
	list func(context.Context, oci.Digest, oci.ReferrersEdit) error,
) (err error) {
	defer r.host.clean(&err)
	if len(digests) == 0 {
		return nil
	}
	// The list comes first: it must not name what is gone.
	hasAPI, err := r.hasAPI(ctx, subject)
	if err == nil && !hasAPI {
		err = list(ctx, subject, oci.ReferrersEdit{Remove: digests})
	}
	if err != nil {
		return fmt.Errorf("detaching from %s: %w", r.spell(subject.String()), err)
	}
	var failed []error
	for _, digest := range digests {
		if err := r.deleteManifest(ctx, digest); err != nil {
			failed = append(failed, fmt.Errorf("deleting manifest %s: %w", r.spell(digest.String()), err))
		}
	}
	return errors.Join(failed...)
}

// untag deletes a tag, and reports whether the registry says that it has. A 404 does not say so: some registries answer
// it if they do not delete tags.
func (r *Repository) untag(ctx context.Context, tag string) bool {
	return r.sendDelete(ctx, tag) == nil
}

func (r *Repository) sendDelete(ctx context.Context, identifier string) error {
	in := request{
		method: http.MethodDelete, path: "manifests/" + identifier, access: deleting,
		accept: []int{http.StatusAccepted, http.StatusOK, http.StatusNoContent},
	}
	return r.exchange(ctx, in, func(*http.Response) error { return nil })
}

// deleteManifest deletes the manifest with a digest. It succeeds if there is none. The error wraps oci.ErrDeleteRefused
// if the registry does not delete.
func (r *Repository) deleteManifest(ctx context.Context, digest oci.Digest) error {
	switch err := r.sendDelete(ctx, digest.String()); {
	case errors.Is(err, oci.ErrNotFound):
		return nil
	case refusesDeletion(statusOf(err)):
		return fmt.Errorf("%w: %w", oci.ErrDeleteRefused, err)
	default:
		return err
	}
}

// refusesDeletion reports whether the status of an answer means that there will be no deletion. Registries that do not
// delete answer 405 or 400, Docker Hub 401 or 403, Harbor 412 for a rule of the project, and some 409 or 501. The same
// holds for the answer of a token service to the request for a login that may delete.
func refusesDeletion(status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	case http.StatusNotImplemented:
		return true
	}
	return status >= http.StatusBadRequest && status < http.StatusInternalServerError
}
